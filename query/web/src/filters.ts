// Filters as the API and the address write them: "dimension:operator:value".
import type { components } from "./api/schema";
import { country } from "./format";

/** A dimension of reports. */
export type Dimension = components["schemas"]["Dimension"];

/** How a filter compares. */
export type FilterOperator = "is" | "is_not" | "contains";

/** One condition. */
export interface Filter {
  dimension: Dimension;
  operator: FilterOperator;
  value: string;
}

/** The dimensions with their names, in the order of menus. */
export const dimensions: readonly { id: Dimension; label: string }[] = [
  { id: "channel", label: "Channel" },
  { id: "source", label: "Source" },
  { id: "medium", label: "Medium" },
  { id: "campaign", label: "Campaign" },
  { id: "content", label: "Content" },
  { id: "term", label: "Term" },
  { id: "landing_page", label: "Landing page" },
  { id: "referrer", label: "Referrer" },
  { id: "device", label: "Device" },
  { id: "country", label: "Country" },
  { id: "browser", label: "Browser" },
];

/** The operators with their names. */
export const filterOperators: readonly { id: FilterOperator; label: string }[] = [
  { id: "is", label: "is" },
  { id: "is_not", label: "is not" },
  { id: "contains", label: "contains" },
];

/** The name of a dimension. */
export function dimensionLabel(id: string): string {
  return dimensions.find((d) => d.id === id)?.label ?? id;
}

/** Reads a filter, or gives null for what is none. */
export function parseFilter(text: string): Filter | null {
  const [dimension, operator, ...rest] = text.split(":");
  const value = rest.join(":");
  const d = dimensions.find((one) => one.id === dimension);
  const o = filterOperators.find((one) => one.id === operator);
  return d && o && value ? { dimension: d.id, operator: o.id, value } : null;
}

/** Writes a filter. */
export function formatFilter(f: Filter): string {
  return `${f.dimension}:${f.operator}:${f.value}`;
}

/** Where an address has filters: of what is counted, and of touches that are left out before crediting. */
export type FilterList = "f" | "x";

/** The filters of an address, each once. */
export function readFilters(query: URLSearchParams, list: FilterList = "f"): Filter[] {
  const seen = new Set<string>();
  const filters: Filter[] = [];
  for (const text of query.getAll(list)) {
    const filter = parseFilter(text);
    if (filter && !seen.has(text)) filters.push(filter);
    seen.add(text);
  }
  return filters;
}

/** Adds a filter; one with the same dimension and "is" is replaced, since both could never hold. */
export function withFilter(filters: Filter[], added: Filter): Filter[] {
  const kept = filters.filter((f) => {
    const contradicts = f.dimension === added.dimension && f.operator === "is" && added.operator === "is";
    return !contradicts && formatFilter(f) !== formatFilter(added);
  });
  return [...kept, added];
}

/** A filter's value as a chip shows it. */
export function dimensionValueOf(f: Filter): string {
  return f.dimension === "country" && f.operator !== "contains" ? country(f.value) : f.value;
}
