// Which drawer of a report the address names, and what opened it.
import { changed, hrefOf, place } from "./url";
import type { Changes } from "./url";

/** Changes that close the drawer. */
export const behindClosed: Changes = { row: null, row2: null, key: null, key2: null, under: null, at: null, why: null, when: null };

/** Whether the address names a row or a conversion. */
export function isOpened(query: URLSearchParams): boolean {
  return query.has("why") || (query.has("row") && query.has("key"));
}

/** A row of a table, under a model. */
export interface OpenedRow {
  row: string;
  key: string;
  row2?: string | undefined;
  key2?: string | undefined;
  under?: string | undefined;
}

/** The address that opens the conversions behind a row. */
export function hrefOfRow(of: OpenedRow): string {
  return hrefOf(place.value.path, changed(place.value.query, { ...behindClosed, row: of.row, key: of.key, row2: of.row2 ?? null, key2: of.key2 ?? null, under: of.under ?? null }));
}

/** The address that explains a conversion. */
export function hrefOfExplained(id: string): string {
  return hrefOf(place.value.path, changed(place.value.query, { why: id, when: null }));
}

/** What the link that opens a row is known by. */
export function openerOfRow(of: OpenedRow): string {
  return ["row", of.row, of.key, of.key2 ?? "", of.under ?? ""].join(" ");
}

/** What the link that opened the drawer is known by. */
export function openerOf(query: URLSearchParams): string {
  const row = query.get("row");
  const key = query.get("key");
  if (!row || key === null) return `why ${query.get("why") ?? ""}`;
  return openerOfRow({ row, key, key2: query.get("key2") ?? undefined, under: query.get("under") ?? undefined });
}
