// Who is signed in. Known once for the whole page.
import { signal } from "@preact/signals";
import { ask, Problem, type Schemas } from "./api/client";
import { go, hrefOf, place } from "./url";

/** A session of a member. */
export type Session = Schemas["Session"];

/** What a member may do. */
export type Role = Schemas["Role"];

/** The session; undefined while it is asked for, null when nobody is signed in. */
export const session = signal<Session | null | undefined>(undefined);

/** Why the session could not be asked for. */
export const sessionProblem = signal<Problem | null>(null);

const rank: Record<Role, number> = { viewer: 0, editor: 1, admin: 2, owner: 3 };

/** Whether the member has at least a role. */
export function may(role: Role): boolean {
  const now = session.value;
  return !!now && rank[now.role] >= rank[role];
}

/** The workspace's time zone; UTC when the browser does not know it. */
export function zone(): string {
  const name = session.value?.workspace.zone || "UTC";
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: name });
    return name;
  } catch {
    return "UTC";
  }
}

/** The currency that the workspace counts in. */
export function currency(): string {
  return session.value?.workspace.currency ?? "USD";
}

/** Asks who is signed in. */
export async function loadSession(): Promise<void> {
  sessionProblem.value = null;
  try {
    session.value = await ask("get", "/api/v1/session");
  } catch (error) {
    if (error instanceof Problem && error.status === 401) session.value = null;
    else sessionProblem.value = error instanceof Problem ? error : new Problem(0, "The dashboard could not start", String(error), "Reload the page.");
  }
}

/** Goes to the sign-in page, and afterwards back here. */
export function signedOut(): void {
  session.value = null;
  const here = hrefOf(place.value.path, place.value.query);
  if (!here.startsWith("/sign-")) go(`/sign-in?next=${encodeURIComponent(here)}`, "replace");
}
