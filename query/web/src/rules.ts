// A workspace's own rules for channels: checked, written for people, compared.
import type { Schemas } from "./api/client";

/** A rule. */
export type Rule = Schemas["ChannelRule"];

/** One condition of it. */
export type Condition = Schemas["ChannelCondition"];

/** What a condition looks at, with what to write into it. */
export const fields: readonly { id: Condition["field"]; label: string; example: string }[] = [
  { id: "source", label: "Source", example: "partner-" },
  { id: "medium", label: "Medium", example: "referral" },
  { id: "campaign", label: "Campaign", example: "spring" },
  { id: "referrer_host", label: "Referrer’s host", example: "partner.example" },
  { id: "click_id", label: "Click id", example: "gclid" },
  { id: "landing_path", label: "Landing path", example: "/lp/" },
];

/** How it is compared. */
export const comparisons: readonly { id: Condition["operator"]; label: string }[] = [
  { id: "is", label: "is" },
  { id: "is_not", label: "is not" },
  { id: "contains", label: "contains" },
  { id: "starts_with", label: "starts with" },
  { id: "regex", label: "matches regex" },
];

/** GA4's channels; a workspace may name others. */
export const channels: readonly string[] = [
  "Direct", "Organic Search", "Paid Search", "Organic Social", "Paid Social", "Email", "Referral", "Display", "Affiliates", "Organic Video", "Paid Video", "Organic Shopping",
  "Paid Shopping", "Paid Other", "Cross-network", "SMS", "Audio", "Mobile Push Notifications", "AI Assistant", "Unassigned",
];

/** A rule that was just added. */
export const newRule: Rule = { name: "", channel: "Referral", conditions: [{ field: "source", operator: "is", value: "" }] };

/** Says what is wrong with a rule, or "". A condition may look for an empty value, save in a comparison that it would always meet. */
export function ruleError(rule: Rule): string {
  if (!rule.name.trim()) return "Give the rule a name: sessions tell it as the reason of their channel.";
  if (!rule.channel.trim()) return "Name the channel.";
  if (rule.conditions.length === 0) return "Add a condition: a rule without one would take every session.";
  const empty = rule.conditions.find((c) => c.value === "" && c.operator !== "is" && c.operator !== "is_not");
  return empty ? "Fill in or remove the empty condition." : "";
}

/** Moves a rule to another place. */
export function movedRule<T>(list: T[], from: number, to: number): T[] {
  if (to < 0 || to >= list.length) return list;
  const next = [...list];
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
}

/** Names own channels beside GA4's: those that rules name. */
export function channelChoices(rules: Rule[]): string[] {
  const own = rules.map((r) => r.channel.trim()).filter((c) => c && !channels.includes(c));
  return [...channels, ...new Set(own)];
}
