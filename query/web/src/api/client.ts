// The API, typed by its own specification (schema.ts is generated from it).
import { noteAge } from "../age";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
type Method = "get" | "post" | "put" | "patch" | "delete";
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
type Content<R, S extends number> = R extends { [K in S]: { content: { "application/json": infer T } } } ? T : never;
type Result<O> = O extends { responses: infer R } ? ([Content<R, 200> | Content<R, 201>] extends [never] ? void : Content<R, 200> | Content<R, 201>) : never;
type Query<O> = O extends { parameters: { query?: infer Q } } ? Q : never;
type Path<O> = O extends { parameters: { path: infer V } } ? V : never;
type Body<O> = O extends { requestBody?: { content: { "application/json": infer B } } } ? B : never;

/** What a call may carry. */
export interface Options<O> {
  query?: Query<O>;
  path?: Path<O>;
  body?: Body<O>;
  signal?: AbortSignal;
}

/** What is wrong with one line of a file. */
export type BadLine = Schemas["BadLine"];

/** An error of the API in its own words: what happened, what it means, what to do. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly whatToDo: string,
    readonly lines: readonly BadLine[] = [],
  ) {
    super(title);
  }
}

export type { Schemas };

/** Asks the API. Throws a Problem; an aborted call throws what fetch throws. */
export async function ask<P extends keyof paths, M extends Method & keyof paths[P]>(
  method: M,
  path: P,
  options: Options<Operation<P, M>> = {},
): Promise<Result<Operation<P, M>>> {
  const response = await send(method, addressOf(path, options.path, options.query), options.body, options.signal);
  if (!response.ok) throw await problemOf(response);
  noteAge(path, response.headers.get("As-Of"));
  if (response.status === 204) return undefined as Result<Operation<P, M>>;
  return (await response.json()) as Result<Operation<P, M>>;
}

/** Sends a file of ad cost as it is. */
export async function upload(path: "/api/v1/costs", query: Query<Operation<"/api/v1/costs", "post">>, file: Blob): Promise<Schemas["CostUpload"]> {
  const response = await send("post", addressOf(path, {}, query), file);
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as Schemas["CostUpload"];
}

async function send(method: string, address: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const init: RequestInit = { method: method.toUpperCase(), headers: { Accept: "application/json" }, credentials: "same-origin" };
  if (signal) init.signal = signal;
  if (body instanceof Blob) {
    init.headers = { Accept: "application/json", "Content-Type": "text/csv" };
    init.body = body;
  } else if (body !== undefined) {
    init.headers = { Accept: "application/json", "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  try {
    return await fetch(address, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "SourceLoop cannot be reached", "The request did not arrive.", "Check your connection; the page tries again by itself or when you reload it.");
  }
}

/** Fills in the path and appends the query; absent and empty values are left out. */
export function addressOf(path: string, values: unknown, query: unknown): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String((values as Record<string, unknown>)[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") search.append(name, String(one));
    }
  }
  const text = search.toString();
  return text ? `${filled}?${text}` : filled;
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback = new Problem(response.status, `SourceLoop answered with status ${response.status}`, "It gave no reason.", "Try again; if it stays, look into the server's log.");
  try {
    const p = (await response.json()) as Partial<Schemas["Problem"]>;
    return p.title ? new Problem(response.status, p.title, p.detail ?? "", p.what_to_do ?? "", p.lines) : fallback;
  } catch {
    return fallback;
  }
}
