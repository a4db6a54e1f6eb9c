// Funnel definitions: how they are written in an address, checked, and told
// in words. The API checks them again.
import type { components } from "./api/schema";
import { conversionLabel } from "./models";

/** A funnel without its period. */
export type Definition = components["schemas"]["FunnelDefinition"];

/** One step. */
export type Step = components["schemas"]["FunnelStep"];

/** How a page is compared. */
export type Operator = components["schemas"]["Operator"];

/** What must not happen between steps. */
export type Exclusion = components["schemas"]["FunnelExclusion"];

/** How steps follow each other, with what the builder says of it. */
export const orders: readonly { id: components["schemas"]["FunnelOrder"]; label: string }[] = [
  { id: "sequential", label: "In this order" },
  { id: "strict", label: "In this order, nothing between" },
  { id: "any", label: "In any order" },
];

/** The most exclusions of a funnel. */
export const maxExclusions = 10;

/** The operators with their names. */
export const operators: readonly { id: Operator; label: string }[] = [
  { id: "equals", label: "is" },
  { id: "starts_with", label: "starts with" },
  { id: "contains", label: "contains" },
  { id: "glob", label: "matches pattern" },
  { id: "regex", label: "matches regex" },
];

/** The windows that the builder offers: Go durations and their names. */
export const windows: readonly { id: string; label: string }[] = [
  { id: "30m", label: "30 minutes" },
  { id: "1h", label: "1 hour" },
  { id: "24h", label: "1 day" },
  { id: "168h", label: "7 days" },
  { id: "336h", label: "14 days" },
  { id: "720h", label: "30 days" },
  { id: "2160h", label: "90 days" },
];

/** What the builder begins with: from the first page to the chat. */
export const firstDefinition: Definition = {
  steps: [
    { type: "pageview", operator: "starts_with", value: "/" },
    { type: "conversion", name: "intercom_conversation" },
  ],
  scope: "visitor",
  order: "sequential",
  window: "336h",
};

/** The limits of a funnel. */
export const minSteps = 2;
export const maxSteps = 10;

/** Says what is wrong with a step, or "" when it is complete. */
export function stepError(step: Step): string {
  if (step.type === "pageview" && !step.value?.trim()) return "Enter a page: a path such as /pricing, or a whole URL.";
  if (step.type !== "pageview" && !step.name?.trim()) return "Enter the event's name.";
  if (step.type === "pageview" && step.operator === "regex") {
    try {
      new RegExp(step.value ?? "");
    } catch {
      return "This is no valid regular expression.";
    }
  }
  if (step.properties?.some((p) => !p.key.trim() || !p.value.trim())) return "Fill in or remove the empty condition.";
  return "";
}

/** Whether a funnel can be asked. */
export function isComplete(d: Definition): boolean {
  return d.steps.length >= minSteps && d.steps.length <= maxSteps && d.steps.every((s) => !stepError(s)) && (d.exclusions ?? []).every((e) => !stepError(e.step));
}

/** Keeps exclusions between steps that are there: one whose steps are gone lies between any two. */
export function fitted(d: Definition): Definition {
  if (!d.exclusions) return d;
  const { exclusions, ...rest } = d;
  const kept = exclusions.map((e) => ((e.before ?? 2) <= d.steps.length && (e.after ?? 1) < (e.before ?? d.steps.length) ? e : { step: e.step }));
  return kept.length > 0 ? { ...rest, exclusions: kept } : rest;
}

/** Writes a definition for an address. */
export function encode(d: Definition): string {
  return JSON.stringify(d);
}

/** Reads a definition from an address; null for what is none. */
export function decode(text: string | null): Definition | null {
  if (!text) return null;
  try {
    const d: unknown = JSON.parse(text);
    return isDefinition(d) ? { ...firstDefinition, ...d } : null;
  } catch {
    return null;
  }
}

function isDefinition(d: unknown): d is Definition {
  if (typeof d !== "object" || d === null || !("steps" in d) || !Array.isArray(d.steps)) return false;
  const types = ["pageview", "event", "conversion"];
  const isStep = (s: unknown) => typeof s === "object" && s !== null && "type" in s && types.includes(String(s.type));
  if ("exclusions" in d && !(Array.isArray(d.exclusions) && d.exclusions.length <= maxExclusions && d.exclusions.every((e) => typeof e === "object" && e !== null && isStep(e.step)))) return false;
  return d.steps.length >= 1 && d.steps.length <= maxSteps && d.steps.every(isStep);
}

/** A step in words. */
export function stepLabel(step: Step): string {
  if (step.type === "conversion") return conversionLabel(step.name ?? "");
  if (step.type === "event" && step.name === "chat_opened") return "Chat opened";
  if (step.type === "event") return `Event ${step.name ?? ""}`;
  if (step.operator === "starts_with" && step.value === "/") return "Any page";
  const operator = operators.find((o) => o.id === step.operator)?.label ?? "is";
  return operator === "is" ? `Page ${step.value ?? ""}` : `Page ${operator} ${step.value ?? ""}`;
}

/** The names of the report's rows: under any order a row is how many of the steps were done. */
export function rowLabels(d: Definition): string[] {
  return d.steps.map((s, i) => (d.order === "any" ? (i === 0 ? "Any of the steps" : i === d.steps.length - 1 ? "All of them" : `Any ${i + 1} of them`) : stepLabel(s)));
}

/** Moves a step to another place. */
export function placed<T>(steps: T[], from: number, to: number): T[] {
  if (to < 0 || to >= steps.length || from === to) return steps;
  const next = [...steps];
  const [step] = next.splice(from, 1);
  next.splice(to, 0, step!);
  return next;
}
