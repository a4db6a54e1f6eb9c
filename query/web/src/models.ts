// The names of attribution models and of what can be counted.
import type { components } from "./api/schema";

/** An attribution model. */
export type Model = components["schemas"]["Model"];

/** The models that the dashboard offers, with what each does. */
export const models: readonly { id: Model; label: string; text: string }[] = [
  { id: "last_touch", label: "Last touch", text: "All credit to the converting session." },
  { id: "first_touch", label: "First touch", text: "All credit to the first session in the lookback window." },
  { id: "last_non_direct", label: "Last non-direct", text: "All credit to the last session that was not Direct." },
  { id: "first_non_direct", label: "First non-direct", text: "All credit to the first session that was not Direct." },
  { id: "linear", label: "Linear", text: "The same credit to every session." },
  { id: "position_based", label: "Position based", text: "40% to the first, 40% to the last, 20% over the rest." },
  { id: "time_decay", label: "Time decay", text: "Later sessions earn more; a session's credit halves every 7 days." },
  { id: "w_shaped", label: "W-shaped", text: "30% each to the first session, the one that first identified the contact, and the last; 10% over the rest." },
  { id: "full_path", label: "Full path", text: "22.5% each to these and to the last one before In Progress; 10% over the rest." },
  { id: "markov", label: "Markov", text: "By how many conversions would be lost without it, over the paths of everybody." },
  { id: "shapley", label: "Shapley", text: "By what each adds to the rate of conversion, over the paths of everybody." },
];

/** A model that looks at the touches of each conversion by itself. */
export type TouchModel = components["schemas"]["TouchModel"];

/** Those models. */
export const touchModels = models.filter((m): m is typeof m & { id: TouchModel } => m.id !== "markov" && m.id !== "shapley");

/** The dimensions that say who came and not what brought them, which the models of everybody's paths cannot credit. */
const ofVisitor: readonly string[] = ["device", "country", "browser"];

/** Whether a model can credit a dimension. */
export function credits(model: Model, dimension: string): boolean {
  return (model !== "markov" && model !== "shapley") || !ofVisitor.includes(dimension);
}

/** What can be counted as a conversion; "" counts all of them. */
export const conversions: readonly { id: string; label: string }[] = [
  { id: "", label: "All conversions" },
  { id: "intercom_conversation", label: "Intercom conversation" },
  { id: "hubspot_conversation", label: "HubSpot conversation" },
  { id: "contact", label: "Contact created" },
];

/** The lookback windows, in days, or all. */
export const lookbacks: readonly string[] = ["1", "7", "14", "30", "60", "90", "180", "all"];

/** The default lookback window in days. */
export const defaultLookback = "90";

/** The model of an address, or the default. */
export function readModel(text: string | null): Model {
  return models.find((m) => m.id === text)?.id ?? "last_touch";
}

/** A model's name. */
export function modelLabel(id: Model): string {
  return models.find((m) => m.id === id)?.label ?? id;
}

/** The name of a conversion, for people. */
export function conversionLabel(name: string): string {
  return conversions.find((c) => c.id === name)?.label ?? name;
}
