// Periods of reports: calendar days in the workspace's time zone, both ends
// inclusive. A day is "2026-11-23"; arithmetic on days knows no time zone.

/** A calendar day, as in "2026-11-23". */
export type Day = string;

/** A stretch of days, both inclusive. */
export interface Range {
  from: Day;
  to: Day;
}

/** A period that moves with today, with the key that chooses it. */
export interface Preset {
  id: string;
  label: string;
  key: string;
}

/** The presets, in the order of the menu. */
export const presets: readonly Preset[] = [
  { id: "today", label: "Today", key: "d" },
  { id: "yesterday", label: "Yesterday", key: "e" },
  { id: "7d", label: "Last 7 days", key: "w" },
  { id: "28d", label: "Last 28 days", key: "f" },
  { id: "30d", label: "Last 30 days", key: "t" },
  { id: "month", label: "Month to date", key: "m" },
  { id: "year", label: "Year to date", key: "y" },
];

/** The period of a report that names none. */
export const defaultPreset = "30d";

const dayMs = 86_400_000;

/** Whether a text is a day that exists. */
export function isDay(text: string | null): text is Day {
  if (!text || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** The day that it is in a time zone. */
export function today(zone: string, now: Date = new Date()): Day {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).format(now);
}

/** The day n days later. */
export function addDays(day: Day, n: number): Day {
  return new Date(Date.parse(`${day}T00:00:00Z`) + n * dayMs).toISOString().slice(0, 10);
}

/** How many days a range has. */
export function length(range: Range): number {
  return Math.round((Date.parse(`${range.to}T00:00:00Z`) - Date.parse(`${range.from}T00:00:00Z`)) / dayMs) + 1;
}

/** The days of a preset, seen from a day. */
export function rangeOf(preset: string, now: Day): Range {
  switch (preset) {
    case "today":
      return { from: now, to: now };
    case "yesterday":
      return { from: addDays(now, -1), to: addDays(now, -1) };
    case "month":
      return { from: `${now.slice(0, 8)}01`, to: now };
    case "year":
      return { from: `${now.slice(0, 5)}01-01`, to: now };
    case "7d":
      return { from: addDays(now, -6), to: now };
    case "28d":
      return { from: addDays(now, -27), to: now };
    default:
      return { from: addDays(now, -29), to: now };
  }
}

/** What an address says about the period. */
export interface Period {
  preset: string | null; // null for days of one's own
  range: Range;
}

/** Reads "period=7d" or "from=…&to=…"; whatever is no period is the default one. */
export function readPeriod(query: URLSearchParams, now: Day): Period {
  const from = query.get("from");
  const to = query.get("to");
  if (isDay(from) && isDay(to) && from <= to) return { preset: null, range: { from, to } };
  const named = query.get("period");
  const preset = presets.some((p) => p.id === named) ? (named as string) : defaultPreset;
  return { preset, range: rangeOf(preset, now) };
}

/** A range in words: "1 – 23 Nov 2026". */
export function rangeLabel(range: Range): string {
  const format = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const at = (day: Day) => new Date(`${day}T00:00:00Z`);
  if (range.from === range.to) return format.format(at(range.from));
  return format.formatRange(at(range.from), at(range.to));
}
