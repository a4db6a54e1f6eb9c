// Tables as files, and questions as calls of the API.
import { addressOf } from "./api/client";

/** A table as it goes into a file. */
export interface Table {
  head: string[];
  rows: (string | number)[][];
}

/** A question to the API. */
export interface Call {
  path: string;
  query?: unknown;
  body?: unknown; // sent by POST
}

/** The rows as objects, each value by the name of its column. */
export function records(table: Table): Record<string, string | number>[] {
  return table.rows.map((row) => Object.fromEntries(table.head.map((name, i) => [name, row[i] ?? ""])));
}

/** The rows as lines of JSON. */
export function toLines(table: Table): string {
  return records(table).map((r) => `${JSON.stringify(r)}\n`).join("");
}

/** A command for a shell that asks what a table shows; the key is read from the environment. */
export function asCurl(call: Call, origin: string): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const body = call.body === undefined ? [] : ["-H", quoted("Content-Type: application/json"), "-d", quoted(JSON.stringify(call.body))];
  return ["curl", "-sS", "-H", '"Authorization: Bearer $SOURCELOOP_KEY"', ...body, quoted(origin + addressOf(call.path, {}, call.query))].join(" ");
}
