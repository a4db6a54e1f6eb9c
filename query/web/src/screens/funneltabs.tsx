// The reports of a funnel; which one is open, and what it asks, is in the address.
import { useEffect, useRef } from "preact/hooks";
import { ask } from "../api/client";
import { useQuery } from "../api/query";
import { dimensionLabel, dimensions } from "../filters";
import { dimensionValue } from "../format";
import { rowLabels } from "../funnel";
import { defaultLookback, touchModels } from "../models";
import { readCompared } from "../report";
import { changed, hrefOf, place, setQuery } from "../url";
import { Choice, Empty, Link } from "../ui/basics";
import { BarChart } from "../ui/bars";
import { Compare } from "../ui/compare";
import { FunnelCompare } from "./funnelcompare";
import { FunnelCorrelation } from "./funnelcorrelation";
import { FunnelCredits, lookbackChoices, readLookback } from "./funnelcredits";
import { hrefOfBuilder } from "./funneldraft";
import { Answered, share, type Asked } from "./funnelparts";
import { BestPaths, PathsBetween } from "./funnelpaths";
import { FunnelPeople } from "./funnelpeople";
import { Breakdown, FunnelOverview } from "./funnelreport";
import { FunnelTrend } from "./funneltrend";

const tabs = [
  { id: "overview", label: "Overview", Show: Overview },
  { id: "trend", label: "Trend", Show: FunnelTrend },
  { id: "compare", label: "Compare", Show: FunnelCompare },
  { id: "breakdown", label: "Breakdown", Show: Slices },
  { id: "models", label: "By model", Show: ByModel },
  { id: "people", label: "People", Show: FunnelPeople },
  { id: "paths", label: "Paths", Show: PathsBetween },
  { id: "best", label: "Best paths", Show: BestPaths },
  { id: "correlation", label: "Correlation", Show: FunnelCorrelation },
] as const;

type Tab = (typeof tabs)[number];

/** The report that the address names. */
export function readTab(): Tab {
  return tabs.find((t) => t.id === place.value.query.get("tab")) ?? tabs[0];
}

/** All reports of a funnel that was asked; one of them is open. */
export function FunnelTabs({ definition, range, tab }: Asked & { tab: Tab }) {
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a narrow screen the tabs are a strip: the open one is in its middle.
    const open = nav.current?.querySelector<HTMLElement>("[aria-current]");
    if (nav.current && open) nav.current.scrollLeft = open.offsetLeft - nav.current.offsetLeft - (nav.current.clientWidth - open.offsetWidth) / 2;
  }, [tab]);
  return (
    <section class="panel funnel-report" aria-label="Funnel report" data-testid="funnel-report">
      <nav class="tabs" ref={nav} aria-label="Reports of this funnel">
        {tabs.map((t) => (
          <Link key={t.id} href={hrefOf("/funnels", changed(place.value.query, { tab: t.id === "overview" ? null : t.id }))} aria-current={t === tab ? "page" : undefined} data-testid={`tab-${t.id}`}>
            {t.label}
          </Link>
        ))}
      </nav>
      <tab.Show key={tab.id} definition={definition} range={range} />
    </section>
  );
}

function Overview({ definition, range }: Asked) {
  const compared = readCompared(place.value.query);
  const body = { ...definition, ...range, ...compared };
  const answer = useQuery(`funnel ${JSON.stringify(body)}`, (signal) => ask("post", "/api/v1/funnels/query", { body, signal }));
  return (
    <>
      <div class="bar">
        <Compare now={compared} />
      </div>
      <Answered answer={answer} definition={definition} nobody={(r) => !r.steps[0]?.entered}>
        {(report) => <FunnelOverview definition={definition} report={report} call={{ path: "/api/v1/funnels/query", body }} />}
      </Answered>
    </>
  );
}

const ways = [
  { id: "", label: "Reached each step" },
  { id: "dropped", label: "Got no further" },
] as const;

function readDimension({ definition }: Asked) {
  return dimensions.find((d) => d.id === (place.value.query.get("by") ?? definition.breakdown))?.id ?? "source";
}

const rowsInChart = 10;

function Slices(asked: Asked) {
  const { definition, range } = asked;
  const dimension = readDimension(asked);
  const dropped = place.value.query.get("show") === "dropped";
  const body = { ...definition, ...range, breakdown: dimension };
  const answer = useQuery(`slices ${JSON.stringify(body)}`, (signal) => ask("post", "/api/v1/funnels/query", { body, signal }));
  const labels = rowLabels(definition);
  return (
    <>
      <div class="bar bar-choices">
        <Choice label="Slice by" value={dimension} options={dimensions} onChange={(by) => setQuery({ by, key: null })} testid="slice" />
        <Choice label="Who" value={dropped ? "dropped" : ""} options={ways} onChange={(show) => setQuery({ show: show || null })} testid="slice-who" />
      </div>
      <Answered answer={answer} definition={definition} nobody={(r) => r.breakdown.length === 0}>
        {(report) => (
          <>
            <BarChart
              title={`The largest values of ${dimensionLabel(dimension).toLowerCase()}: how many entered with them and how many of those completed; the same numbers are in the table below`}
              rows={report.breakdown.slice(0, rowsInChart).map((r) => {
                const [entered, completed] = [r.steps[0]?.entered ?? 0, r.steps.at(-1)?.entered ?? 0];
                return { label: dimensionValue(dimension, r.key), of: entered, value: completed, text: share(completed, entered) };
              })}
            />
            <p class="legend">
              <span class="legend-of">Entered</span>
              <span class="legend-bar">Completed, and the rate</span>
            </p>
            <Breakdown dimension={dimension} labels={labels} report={report} call={{ path: "/api/v1/funnels/query", body }} dropped={dropped} />
          </>
        )}
      </Answered>
    </>
  );
}

function ByModel(asked: Asked) {
  if (asked.definition.steps.some((s) => s.type === "conversion")) return <Credited {...asked} />;
  return (
    <Empty kind="nothing" title="Nothing that a model could credit">
      <p>Models credit conversions, and no step of this funnel is one. Make a conversation, a contact or a goal a step of it.</p>
      <Link href={hrefOfBuilder()} class="button">
        Edit steps
      </Link>
    </Empty>
  );
}

function Credited(asked: Asked) {
  const { definition, range } = asked;
  const dimension = readDimension(asked);
  const model = touchModels.find((m) => m.id === place.value.query.get("credit"))?.id ?? "last_touch";
  const { breakdown: _, ...rest } = definition;
  const body = { ...rest, ...range, credits: { model, dimension, lookback: readLookback() } };
  const answer = useQuery(`credited ${JSON.stringify(body)}`, (signal) => ask("post", "/api/v1/funnels/query", { body, signal }));
  return (
    <>
      <div class="bar bar-choices">
        <Choice label="Model" value={model} options={touchModels} onChange={(credit) => setQuery({ credit: credit === "last_touch" ? null : credit })} testid="credit" />
        <Choice label="Slice by" value={dimension} options={dimensions} onChange={(by) => setQuery({ by, key: null })} testid="slice" />
        <Choice label="Lookback" value={readLookback()} options={lookbackChoices} onChange={(lookback) => setQuery({ lookback: lookback === defaultLookback ? null : lookback })} testid="lookback" />
      </div>
      <Answered answer={answer} definition={definition} nobody={(r) => !r.steps[0]?.entered}>
        {({ credits }) => credits && <FunnelCredits definition={definition} dimension={dimension} model={model} credits={credits} call={{ path: "/api/v1/funnels/query", body }} />}
      </Answered>
    </>
  );
}
