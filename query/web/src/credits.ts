// Credits in words: why a touch has its share or none, and what changed since.
import type { Schemas } from "./api/client";
import { isDay } from "./dates";
import { dateTime } from "./format";
import type { Model } from "./models";

type Touch = Schemas["ExplainedTouch"];

/** Whether a model credits all paths together, so that what it gives one conversion depends on the table. */
export function together(model: Model): boolean {
  return model === "markov" || model === "shapley";
}

/** A share or credit of one conversion, between 0 and 1: "22.5%". */
export function shareText(share: number): string {
  return new Intl.NumberFormat("en-GB", { style: "percent", maximumFractionDigits: 2 }).format(share);
}

/** Why a session began, in a few words. */
export function beganText(reason: string): string {
  switch (reason) {
    case "first_hit":
      return "First visit of this browser";
    case "timeout":
      return "After a pause longer than the session timeout";
    case "attribution":
      return "The source changed";
    case "midnight":
      return "A new day began; the source stayed";
    default:
      return "Not known any more";
  }
}

/** Which rule gave a channel. */
export function ruleText(rule: string): string {
  if (!rule) return "No rule was recorded";
  if (rule === "direct") return "No UTM, no ad click, no referrer";
  if (rule.startsWith("rule: ")) return `Your rule “${rule.slice(6)}”`;
  return rule.startsWith("utm") ? rule : rule.charAt(0).toUpperCase() + rule.slice(1);
}

/** Why a session is not credited. */
export function leftOutText(why: Touch["left_out"], lookback: string): string {
  switch (why) {
    case "elsewhere":
      return "The browser was somebody else's then";
    case "lookback":
      return `Older than the lookback of ${lookback === "1" ? "1 day" : `${lookback} days`}`;
    case "middle":
      return "Neither among the first nor the last 99 touches";
    case "excluded":
      return "You left it out";
    default:
      return "";
  }
}

const causes: Record<Schemas["ChangeCause"], string> = {
  late_hit: "Page views that arrived late",
  merge: "People who turned out to be one",
  undo: "Merges that were undone",
  rule_change: "Rules or goals that were changed for the past",
  conversion: "Conversions that became known or changed",
  erasure: "Browsers of people who were erased",
  unknown: "Before reasons were kept",
};

/** What changed credits. */
export function causeText(cause: Schemas["ChangeCause"]): string {
  return causes[cause] ?? cause;
}

/** The moment of an address whose knowledge is asked for; "" for now and for what is no moment. */
export function readAsOf(query: URLSearchParams): string {
  const text = query.get("as_of") ?? "";
  return isDay(text) || (/^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text))) ? text : "";
}

/** Such a moment in words: "the end of 24 Nov 2026". */
export function asOfText(moment: string, zone: string): string {
  if (!isDay(moment)) return dateTime(moment, zone);
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }).format(new Date(`${moment}T00:00:00Z`));
  return `the end of ${day}`;
}
