// Goals: what a workspace counts as conversions of its own, told in words.
import { ask, type Schemas } from "./api/client";
import { useQuery, type Answer } from "./api/query";
import { operators, type Operator } from "./funnel";

/** A goal. */
export type Goal = Schemas["Goal"];

/** A goal as it is edited. */
export type GoalInput = Schemas["GoalInput"];

/** A part of the past that is derived anew. */
export type Rebuild = Schemas["Rebuild"];

/** What reaches a goal, as the form offers it. */
export const goalKinds: readonly { id: Goal["kind"]; label: string; text: string }[] = [
  { id: "page", label: "A page", text: "Somebody views it. Counts once a session." },
  { id: "event", label: "An event", text: "Your site sends it. Counts once a session." },
  { id: "stage", label: "A stage", text: "A contact comes to it for the first time. Counts once a contact." },
  { id: "api", label: "Your server", text: "It sends conversions of this name. Each counts." },
];

/** The workspace's goals. */
export function useGoals(): Answer<Schemas["GoalList"]> {
  return useQuery("goals", (signal) => ask("get", "/api/v1/goals", { signal }));
}

/** What reaches a goal, in words: "Viewing /pricing". */
export function goalWords(goal: GoalInput): string {
  switch (goal.kind) {
    case "page":
      return goal.operator === "equals" ? `Viewing ${goal.value ?? ""}` : `Viewing a page that ${comparison(goal.operator)} ${goal.value ?? ""}`;
    case "event": {
      const conditions = (goal.properties ?? []).map((p) => (p.operator === "equals" ? `${p.key} = ${p.value}` : `${p.key} that ${comparison(p.operator)} ${p.value}`));
      return [`Event ${goal.event ?? ""}`, conditions.join(" and ")].filter(Boolean).join(" with ");
    }
    case "stage":
      return `Reaching the stage ${goal.stage ?? ""}`;
    case "api":
      return "A conversion your server sends";
  }
}

function comparison(operator: Operator | undefined): string {
  return operators.find((o) => o.id === operator)?.label ?? "is";
}

/** Says what is wrong with a goal, or "" when it can be saved. */
export function goalError(goal: GoalInput): string {
  if (goal.kind === "page" && !goal.value?.trim()) return "Enter a page: a path such as /pricing, or a whole URL.";
  if (goal.kind === "event" && !goal.event?.trim()) return "Enter the event’s name, as your site sends it.";
  if (goal.kind === "event" && goal.properties?.some((p) => !p.key.trim() || !p.value.trim())) return "Fill in or remove the empty condition.";
  if (goal.kind === "stage" && !goal.stage) return "Choose a stage.";
  return "";
}

/** Leaves out of a goal what its kind has no use for. */
export function goalBody(goal: GoalInput): GoalInput {
  const body: GoalInput = { name: goal.name.trim(), kind: goal.kind };
  if (goal.kind === "page") Object.assign(body, { operator: goal.operator ?? "equals", value: goal.value?.trim() });
  if (goal.kind === "event") Object.assign(body, { event: goal.event?.trim() }, goal.properties?.length ? { properties: goal.properties } : {});
  if (goal.kind === "stage") body.stage = goal.stage ?? "";
  if (goal.worth) body.worth = goal.worth;
  if (goal.from && goal.kind !== "api") body.from = goal.from;
  return body;
}

/** How far a rebuild is, in words. */
export function rebuildWords(r: Rebuild): string {
  if (r.finished) return "The past is counted.";
  const parts = r.parts > 0 ? `${r.done} of ${r.parts} ${r.parts === 1 ? "part" : "parts"}` : "about to begin";
  const also = r.visitors ? `, ${r.visitors.toLocaleString("en-GB")} visitors so far` : "";
  const credits = r.what === "credits" || r.doing === "crediting conversions";
  return `${credits ? "Counting the past" : "Deriving sessions of the past"}: ${parts}${also}`;
}
