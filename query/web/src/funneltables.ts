// The tables of funnels as they go into files: names and plain values.
import type { Schemas } from "./api/client";
import type { Table } from "./exports";

type Place = Schemas["PathPlace"];

const seconds = (n: number | null | undefined) => n ?? "";

/** A path in one cell. */
const pathText = (places: Place[]) => places.map((p) => p.name).join(" > ");

/** How many reached each step. */
export function stepTable(labels: string[], report: Schemas["FunnelReport"]): Table {
  const before = report.previous?.steps;
  return {
    head: ["step", "name", "reached", "went_on", "median_seconds", "p90_seconds", ...(before ? ["reached_before"] : [])],
    rows: report.steps.map((s, i) => [i + 1, labels[i] ?? "", s.entered, s.converted, seconds(s.median_seconds), seconds(s.p90_seconds), ...(before ? [before[i]?.entered ?? ""] : [])]),
  };
}

/** How many reached each step, and did in the days compared with. */
export function compareTable(labels: string[], report: Schemas["FunnelReport"]): Table {
  return {
    head: ["step", "name", "reached", "reached_before", "median_seconds", "median_seconds_before"],
    rows: report.steps.map((s, i) => {
      const was = report.previous?.steps[i];
      return [i + 1, labels[i] ?? "", s.entered, was?.entered ?? 0, seconds(s.median_seconds), seconds(was?.median_seconds)];
    }),
  };
}

/** How many of each value entered and completed, and did in the days compared with. */
export function comparedBreakdownTable(dimension: string, report: Schemas["FunnelReport"]): Table {
  const before = new Map(report.previous?.breakdown.map((r) => [r.key, r.steps]));
  const ends = (steps: Schemas["FunnelStepResult"][] | undefined) => [steps?.[0]?.entered ?? 0, steps?.at(-1)?.entered ?? 0];
  return { head: [dimension, "entered", "completed", "entered_before", "completed_before"], rows: report.breakdown.map((r) => [r.key, ...ends(r.steps), ...ends(before.get(r.key))]) };
}

/** How many of each value reached each step, or got no further. */
export function breakdownTable(dimension: string, labels: string[], report: Schemas["FunnelReport"], dropped: boolean): Table {
  return {
    head: [dimension, ...labels.slice(0, dropped ? -1 : undefined).map((l, i) => `${i + 1}. ${l}`)],
    rows: report.breakdown.map((r) => [r.key, ...(dropped ? r.steps.slice(0, -1).map((s) => s.entered - s.converted) : r.steps.map((s) => s.entered))]),
  };
}

/** Who completed, by what a model says brought them. */
export function creditTable(dimension: string, credits: Schemas["FunnelCredits"]): Table {
  return { head: [dimension, "completed"], rows: credits.rows.map((r) => [r.key, r.completed]) };
}

/** How many entered and completed in each stretch. */
export function trendTable(points: readonly { day: string; entered: number; completed: number; median: number | null | undefined }[]): Table {
  return { head: ["start", "entered", "completed", "median_seconds"], rows: points.map((p) => [p.day, p.entered, p.completed, seconds(p.median)]) };
}

/** People at a step. */
export function peopleTable(people: readonly Schemas["FunnelPerson"][]): Table {
  return {
    head: ["visitor", "contact", "name", "email", "phone", "entered_at", "reached_at", "furthest_step", "value"],
    rows: people.map((p) => [p.visitor ?? "", p.contact?.id ?? "", p.contact?.name ?? "", p.contact?.email ?? "", p.contact?.phone ?? "", p.entered_at, p.reached_at, p.reached, p.key ?? ""]),
  };
}

/** First pages and how often they led to the last step. */
export function bestTable(paths: readonly Schemas["BestPath"][]): Table {
  return {
    head: ["path", "people", "converted", "low", "high", "median_seconds"],
    rows: paths.map((p) => [pathText(p.path), p.people, p.converted, p.low, p.high, seconds(p.median_seconds)]),
  };
}

/** What people did between two steps. */
export function betweenTable(paths: readonly Schemas["FunnelPath"][]): Table {
  return {
    head: ["path", "people", "median_seconds"],
    rows: paths.map((p) => [pathText(p.path) + (p.longer ? " > …" : ""), p.people, seconds(p.median_seconds)]),
  };
}

/** What goes with converting. */
export function correlationTable(features: readonly Schemas["FunnelFeature"][]): Table {
  return {
    head: ["type", "name", "converted", "lost", "odds_ratio", "odds_low", "odds_high", "chance", "corrected_chance"],
    rows: features.map((f) => [f.type, f.name, f.converted, f.lost, f.odds_ratio, f.odds_low, f.odds_high, f.chance, f.corrected_chance]),
  };
}
