// The reports of a funnel; which one is open, and what it asks, is in the address.
import type { ComponentChildren } from "preact";
import { ask } from "../api/client";
import { useQuery, type Answer } from "../api/query";
import { count, stretch } from "../format";
import { dimensions } from "../filters";
import { rowLabels, type Definition } from "../funnel";
import { defaultLookback, touchModels, type TouchModel } from "../models";
import { trendTable } from "../funneltables";
import { changed, hrefOf, place, setQuery } from "../url";
import { Choice, Link, ProblemNote, Skeleton } from "../ui/basics";
import { LineChart } from "../ui/chart";
import { ExportMenu } from "../ui/export";
import { FunnelCredits, lookbackChoices, readLookback } from "./funnelcredits";
import { FunnelCorrelation } from "./funnelcorrelation";
import { FunnelPaths } from "./funnelpaths";
import { FunnelPeople } from "./funnelpeople";
import { Breakdown, FunnelOverview, share, time } from "./funnelreport";

const tabs = [
  { id: "overview", label: "Overview" },
  { id: "trend", label: "Trend" },
  { id: "breakdown", label: "Breakdown" },
  { id: "people", label: "People" },
  { id: "paths", label: "Paths" },
  { id: "correlation", label: "Correlation" },
] as const;

type Tab = (typeof tabs)[number]["id"];

/** The tab that the address names. */
export function readTab(): Tab {
  return tabs.find((t) => t.id === place.value.query.get("tab"))?.id ?? "overview";
}

/** What every report of a funnel is told. */
export interface Asked {
  definition: Definition;
  range: { from: string; to: string };
}

/** All reports of a funnel that was asked; one of them is open. */
export function FunnelTabs({ definition, range, compare, tab }: Asked & { compare: "none" | "previous" | "year"; tab: Tab }) {
  const asked = { definition, range };
  return (
    <section class="panel" aria-label="Funnel report" data-testid="funnel-report">
      <nav class="tabs" aria-label="Reports of this funnel">
        {tabs.map((t) => (
          <Link key={t.id} href={hrefOf("/funnels", changed(place.value.query, { tab: t.id === "overview" ? null : t.id }))} aria-current={t.id === tab ? "page" : undefined} data-testid={`tab-${t.id}`}>
            {t.label}
          </Link>
        ))}
      </nav>
      {tab === "overview" && <Overview {...asked} compare={compare} />}
      {tab === "trend" && <Trend {...asked} />}
      {tab === "breakdown" && <Slices {...asked} />}
      {tab === "people" && <FunnelPeople {...asked} />}
      {tab === "paths" && <FunnelPaths {...asked} />}
      {tab === "correlation" && <FunnelCorrelation {...asked} />}
    </section>
  );
}

/** An answer, its problem, or its shape while it is awaited. Old numbers stay while new ones load. */
export function Answered<T>({ answer, children }: { answer: Answer<T>; children: (data: T) => ComponentChildren }) {
  return (
    <div class={answer.loading && answer.data ? "stale" : ""} aria-busy={answer.loading}>
      {answer.problem && <ProblemNote problem={answer.problem} again={answer.reload} />}
      {!answer.data && answer.loading && <Skeleton lines={9} />}
      {answer.data && children(answer.data)}
    </div>
  );
}

function Overview({ definition, range, compare }: Asked & { compare: "none" | "previous" | "year" }) {
  const body = { ...definition, ...range, compare };
  const answer = useQuery(`funnel ${JSON.stringify(body)}`, (signal) => ask("post", "/api/v1/funnels/query", { body, signal }));
  return <Answered answer={answer}>{(report) => <FunnelOverview definition={definition} report={report} call={{ path: "/api/v1/funnels/query", body }} />}</Answered>;
}

function Slices({ definition, range }: Asked) {
  const q = place.value.query;
  const dimension = dimensions.find((d) => d.id === (q.get("by") ?? definition.breakdown))?.id ?? "source";
  const converts = definition.steps.some((s) => s.type === "conversion");
  const model = converts ? touchModels.find((m) => m.id === q.get("credit"))?.id : undefined;
  const dropped = q.get("show") === "dropped";
  return (
    <>
      <div class="bar">
        <Choice label="Slice by" value={dimension} options={dimensions} onChange={(by) => setQuery({ by, key: null })} testid="slice" />
        {converts && <Choice label="Read" value={model ?? ""} options={readings} onChange={(credit) => setQuery({ credit: credit || null })} testid="credit" />}
        {model ? (
          <Choice label="Lookback" value={readLookback()} options={lookbackChoices} onChange={(lookback) => setQuery({ lookback: lookback === defaultLookback ? null : lookback })} testid="lookback" />
        ) : (
          <Choice label="Who" value={dropped ? "dropped" : ""} options={ways} onChange={(show) => setQuery({ show: show || null })} testid="slice-who" />
        )}
      </div>
      {model ? <Credited definition={definition} range={range} dimension={dimension} model={model} /> : <AtEntry definition={definition} range={range} dimension={dimension} dropped={dropped} />}
    </>
  );
}

const ways = [
  { id: "", label: "Reached each step" },
  { id: "dropped", label: "Got no further" },
] as const;

const readings = [{ id: "", label: "At step 1" }, ...touchModels.map((m) => ({ id: m.id, label: `By ${m.label.toLowerCase()}` }))];

type Sliced = Asked & { dimension: (typeof dimensions)[number]["id"] };

function AtEntry({ definition, range, dimension, dropped }: Sliced & { dropped: boolean }) {
  const body = { ...definition, ...range, breakdown: dimension };
  const answer = useQuery(`slices ${JSON.stringify(body)}`, (signal) => ask("post", "/api/v1/funnels/query", { body, signal }));
  return <Answered answer={answer}>{(report) => <Breakdown dimension={dimension} labels={rowLabels(definition)} report={report} call={{ path: "/api/v1/funnels/query", body }} dropped={dropped} />}</Answered>;
}

function Credited({ definition, range, dimension, model }: Sliced & { model: TouchModel }) {
  const { breakdown: _, ...rest } = definition;
  const body = { ...rest, ...range, credits: { model, dimension, lookback: readLookback() } };
  const answer = useQuery(`credited ${JSON.stringify(body)}`, (signal) => ask("post", "/api/v1/funnels/query", { body, signal }));
  return <Answered answer={answer}>{({ credits }) => credits && <FunnelCredits definition={definition} dimension={dimension} model={model} credits={credits} call={{ path: "/api/v1/funnels/query", body }} />}</Answered>;
}

const stretches = [
  { id: "day", label: "Day" },
  { id: "week", label: "Week" },
] as const;

function Trend({ definition, range }: Asked) {
  const by = stretches.find((s) => s.id === place.value.query.get("every"))?.id ?? "day";
  const { breakdown: _, ...rest } = definition;
  const body = { ...rest, ...range, by };
  const answer = useQuery(`trend ${JSON.stringify(body)}`, (signal) => ask("post", "/api/v1/funnels/trend", { body, signal }));
  return (
    <>
      <div class="bar">
        <Choice label="By" value={by} options={stretches} onChange={(every) => setQuery({ every: every === "day" ? null : every })} testid="every" />
      </div>
      <Answered answer={answer}>
        {({ points }) => {
          const rows = points.map((p, i) => ({ day: dayOf(range.from, i * (by === "week" ? 7 : 1)), label: stretch(dayOf(range.from, i * (by === "week" ? 7 : 1)), by), entered: p.steps[0]?.entered ?? 0, completed: p.steps.at(-1)?.entered ?? 0, median: p.steps.at(-1)?.median_seconds }));
          return (
            <>
              <LineChart
                title="How many entered and how many of them completed; the same numbers are in the table below"
                labels={rows.map((r) => r.label)}
                series={[
                  { name: "Entered", values: rows.map((r) => r.entered), dashed: true },
                  { name: "Completed", values: rows.map((r) => r.completed) },
                ]}
              />
              <p class="hint">
                Dashed: who entered. The line: who of them completed. Each row is the funnel of those who entered in it; who enters in two is in both, and those of the last days may still complete.
              </p>
              <div class="table-tools">
                <ExportMenu what="Trend" name="funnel-trend" table={() => trendTable(rows)} call={{ path: "/api/v1/funnels/trend", body }} testid="export-trend" />
              </div>
              <div class="table-box" role="region" aria-label="Trend" tabIndex={0}>
                <table class="table table-small" data-testid="funnel-trend">
                  <thead>
                    <tr>
                      <th scope="col">{by === "week" ? "Week" : "Day"}</th>
                      <th scope="col" class="number">Entered</th>
                      <th scope="col" class="number">Completed</th>
                      <th scope="col" class="number">Rate</th>
                      <th scope="col" class="number">Median time</th>
                    </tr>
                  </thead>
                  <tbody>
                    {rows.map((r, i) => (
                      <tr key={i}>
                        <th scope="row">{r.label}</th>
                        <td class="number">{count(r.entered)}</td>
                        <td class="number">{count(r.completed)}</td>
                        <td class="number strong">{share(r.completed, r.entered)}</td>
                        <td class="number">{time(r.median)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </>
          );
        }}
      </Answered>
    </>
  );
}

/** A day, some days later, as 2026-11-23. */
const dayOf = (first: string, later: number) => new Date(Date.parse(first) + later * 864e5).toISOString().slice(0, 10);
