// Everything that a screen shows is named by its address, so that a link can
// be shared and Back works. This is the only place that touches the history.
import { signal } from "@preact/signals";

/** Where the browser is: a path without trailing slash, and the query. */
export interface Place {
  path: string;
  query: URLSearchParams;
}

/** A change of the query: a value, several, or null to remove it. */
export type Changes = Record<string, string | string[] | null>;

/** Reads a place from an address of this site. */
export function placeOf(href: string): Place {
  const url = new URL(href, "http://local");
  const path = url.pathname.replace(/\/+$/, "") || "/";
  return { path, query: url.searchParams };
}

/** Gives the address of a place. Slashes and colons stay readable. */
export function hrefOf(path: string, query: URLSearchParams): string {
  const text = query.toString().replace(/%3A/gi, ":").replace(/%2F/gi, "/").replace(/%2C/gi, ",");
  return text ? `${path}?${text}` : path;
}

/** Applies changes to a query; parameters that are not named stay. */
export function changed(query: URLSearchParams, changes: Changes): URLSearchParams {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    if (value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) next.append(name, one);
  }
  return next;
}

/** A path of this site to return to after signing in; "/contacts" for anything that leads elsewhere. */
export function localPath(text: string | null): string {
  return text && /^\/(?![/\\])/.test(text) && !text.startsWith("/sign-") ? text : "/contacts";
}

/** The present place. */
export const place = signal<Place>(placeOf(typeof location === "undefined" ? "/" : location.href));

/** Goes to an address of this site. */
export function go(href: string, how: "push" | "replace" = "push"): void {
  const next = placeOf(href);
  history[how === "push" ? "pushState" : "replaceState"](null, "", href);
  if (how === "push" && next.path !== place.value.path) scrollTo(0, 0);
  place.value = next;
}

/** Changes the query of the present place. */
export function setQuery(changes: Changes, how: "push" | "replace" = "push"): void {
  go(hrefOf(place.value.path, changed(place.value.query, changes)), how);
}

/** Follows Back and Forward. */
export function followHistory(): void {
  addEventListener("popstate", () => {
    place.value = placeOf(location.href);
  });
}
