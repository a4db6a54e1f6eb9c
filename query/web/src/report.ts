// What the address asks of every number of a report.
import { readAsOf } from "./credits";
import { isDay } from "./dates";
import { dimensions, formatFilter, readFilters } from "./filters";
import { defaultLookback, lookbacks, models, readModel, type Model } from "./models";
import { place } from "./url";
import { usePeriod } from "./ui/periodbar";

/** What every question about credits says. */
export interface Common {
  from: string;
  to: string;
  model: Model;
  lookback: string;
  conversion: string;
  filter: string[];
  exclude: string[];
  as_of: string; // "" for now
  first_only: boolean; // of each contact only its first conversion
}

/** What numbers are compared with, as the API is asked. */
export interface Compared {
  compare: "none" | "previous" | "year" | "custom";
  compare_from?: string;
  compare_to?: string;
}

/** The comparisons, in the order of their menu. */
export const comparisons = [
  { id: "none", label: "No comparison" },
  { id: "previous", label: "Previous period" },
  { id: "year", label: "Year before" },
  { id: "custom", label: "Other days" },
] as const;

/** What an address compares with; "custom" needs its days. */
export function readCompared(q: URLSearchParams): Compared {
  const compare = comparisons.find((c) => c.id === q.get("compare"))?.id ?? "none";
  if (compare !== "custom") return { compare };
  const [from, to] = [q.get("before_from"), q.get("before_to")];
  return isDay(from) && isDay(to) && from <= to ? { compare, compare_from: from, compare_to: to } : { compare: "none" };
}

/** What the present address asks. */
export function useReport() {
  const q = place.value.query;
  const { range } = usePeriod();
  const vs = models.find((m) => m.id === q.get("vs"))?.id;
  const model = readModel(q.get("model"));
  const common: Common = {
    from: range.from,
    to: range.to,
    model,
    lookback: lookbacks.find((l) => l === q.get("lookback")) ?? defaultLookback,
    conversion: q.get("conversion") ?? "",
    filter: readFilters(q).map(formatFilter),
    exclude: readFilters(q, "x").map(formatFilter),
    as_of: readAsOf(q),
    first_only: q.get("only") === "first",
  };
  return {
    common,
    vs: vs === model ? undefined : vs,
    second: dimensions.find((d) => d.id === q.get("second"))?.id,
    before: readCompared(q),
  };
}
