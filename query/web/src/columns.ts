// The columns of the Contacts Hub: what each shows, and what it is in a file.
import type { Schemas } from "./api/client";
import { ago, capital, count, country, duration, shortUrl, sourceMedium } from "./format";
import { remembered } from "./preferences";

type Contact = Schemas["Contact"];

/** A column beside the contact's name. */
export interface Column {
  id: string;
  label: string;
  numeric?: boolean;
  standard?: boolean; // shown until somebody chooses otherwise
  show: (c: Contact, zone: string) => string;
  plain: (c: Contact) => string | number;
}

const text = (id: string, label: string, read: (c: Contact) => string, standard = false): Column => ({
  id,
  label,
  standard,
  show: (c) => read(c) || "–",
  plain: read,
});

/** All columns, in their order. */
export const columns: readonly Column[] = [
  { id: "converted_at", label: "Converted", standard: true, show: (c, zone) => (c.converted_at ? ago(c.converted_at, zone) : "–"), plain: (c) => c.converted_at ?? "" },
  text("last_touch", "Last touch", (c) => sourceMedium(c.last_touch), true),
  text("last_channel", "Last channel", (c) => c.last_touch.channel),
  text("campaign", "Campaign", (c) => c.last_touch.campaign, true),
  { ...text("landing_page", "Landing page", (c) => c.last_touch.landing_page, true), show: (c) => shortUrl(c.last_touch.landing_page) || "–" },
  text("first_touch", "First touch", (c) => sourceMedium(c.first_touch), true),
  text("first_channel", "First channel", (c) => c.first_touch.channel),
  text("first_campaign", "First campaign", (c) => c.first_touch.campaign),
  { ...text("first_landing_page", "First landing page", (c) => c.first_touch.landing_page), show: (c) => shortUrl(c.first_touch.landing_page) || "–" },
  text("stage", "Stage", (c) => c.stage, true),
  { id: "pages_before", label: "Pages", numeric: true, show: (c) => count(c.pages_before), plain: (c) => c.pages_before },
  { id: "seconds_on_site", label: "Time on site", numeric: true, show: (c) => duration(c.seconds_on_site), plain: (c) => c.seconds_on_site },
  { id: "return_visits", label: "Return visits", numeric: true, show: (c) => count(c.return_visits), plain: (c) => c.return_visits },
  { ...text("device", "Device", (c) => c.device), show: (c) => capital(c.device) || "–" },
  { ...text("country", "Country", (c) => c.country), show: (c) => country(c.country) || "–" },
  text("browser", "Browser", (c) => c.browser),
  { id: "created_at", label: "Created", show: (c, zone) => ago(c.created_at, zone), plain: (c) => c.created_at },
];

/** The columns that an address names, else those last chosen, else the standard ones. */
export function readColumns(query: URLSearchParams): string[] {
  const named = (query.get("cols") || remembered("columns")).split(",").filter((id) => columns.some((c) => c.id === id));
  return named.length > 0 ? named : columns.filter((c) => c.standard).map((c) => c.id);
}
