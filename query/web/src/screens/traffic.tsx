// Traffic: what brings visits and conversions, under one model or two.
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import type { Call } from "../exports";
import { change, count, money, percent, stretch, times } from "../format";
import { dimensions } from "../filters";
import { models } from "../models";
import { isOpened } from "../opened";
import { useReport } from "../report";
import { currency } from "../session";
import { place, setQuery } from "../url";
import { Choice, Head, ProblemNote, Skeleton } from "../ui/basics";
import { LineChart, type Series } from "../ui/chart";
import { AsOfBanner } from "../ui/asof";
import { Compare } from "../ui/compare";
import { ExportMenu } from "../ui/export";
import { FilterChips } from "../ui/filterbar";
import { later } from "../ui/later";
import { PeriodMenu } from "../ui/periodbar";
import { AttributionTable } from "./attribution";
import { Counting, Narrowing } from "./reportbar";
import { Quiet } from "./waiting";

const BehindDrawer = later(() => import("./behind").then((m) => m.BehindDrawer), true);
const WhatChanged = later(() => import("./changes").then((m) => m.WhatChanged));

type Traffic = Schemas["Traffic"];
type Figure = Schemas["Figure"];
type Metric = "sessions" | "visitors" | "conversions";

const shown = ["channel", "source", "medium", "campaign", "landing_page", "device", "country"] as const;

const names: Record<Figure["name"], string> = {
  sessions: "Sessions",
  visitors: "Visitors",
  page_views: "Page views",
  conversions: "Conversions",
  conversion_rate: "Conversion rate",
  value: "Value",
  cost: "Cost",
  cost_per_conversion: "Cost per conversion",
  return_on_spend: "Return on spend",
};

/** The screen at /dashboards/traffic. */
export function Traffic() {
  const report = useReport();
  const { common, before } = report;
  const { as_of } = common;
  const query = { ...common, ...before };
  const traffic = useQuery(`traffic ${JSON.stringify(query)}`, (signal) => ask("get", "/api/v1/traffic", { query, signal }), 15_000);
  const nothing = !!traffic.data && common.filter.length === 0 && traffic.data.figures.every((f) => f.value === 0);
  return (
    <>
      <Head title="Traffic">
        <Compare now={before} />
        <PeriodMenu />
      </Head>
      <div class="bar bar-choices">
        <Narrowing />
        <Choice label="Model" value={common.model} options={models} onChange={(model) => setQuery({ model: model === "last_touch" ? null : model })} testid="model" />
        <Choice
          label="Beside"
          value={report.vs ?? ""}
          options={[{ id: "", label: "No second model" }, ...models.filter((m) => m.id !== common.model)]}
          onChange={(vs) => setQuery({ vs })}
          testid="second-model"
        />
        <Choice label="Split by" value={report.second ?? ""} options={[{ id: "", label: "Nothing" }, ...dimensions]} onChange={(second) => setQuery({ second })} testid="second-dimension" />
        <Counting common={common} />
      </div>
      <FilterChips exclusions />
      {as_of && <AsOfBanner moment={as_of}>Conversions and their value are of then. Visits have no history: sessions, visitors and page views are those known now, as is cost, and no rate is formed of both.</AsOfBanner>}
      <p class="hint">{models.find((m) => m.id === common.model)?.text}</p>
      {traffic.problem && <ProblemNote problem={traffic.problem} again={traffic.reload} />}
      {!traffic.data && traffic.loading && <Skeleton lines={8} />}
      {nothing && <Quiet text="Nobody visited in this period." />}
      {traffic.data && !nothing && <Overview data={traffic.data} stale={traffic.loading} compare={before.compare} call={{ path: "/api/v1/traffic", query }} />}
      {as_of && !nothing && <WhatChanged common={common} />}
      {!nothing && (
        <div class="tables">
          {shown.map((dimension) => (
            <AttributionTable key={dimension} dimension={dimension} common={common} beside={report} />
          ))}
        </div>
      )}
      {isOpened(place.value.query) && <BehindDrawer common={common} vs={report.vs} />}
    </>
  );
}

function metric(): Metric {
  const named = place.value.query.get("metric");
  return named === "visitors" || named === "conversions" ? named : "sessions";
}

function figureText(f: Pick<Figure, "name">, value: number): string {
  if (f.name === "conversion_rate") return percent(value);
  if (f.name === "return_on_spend") return times(value);
  if (f.name === "value" || f.name === "cost" || f.name === "cost_per_conversion") return money(value, currency());
  return count(value);
}

function Overview({ data, stale, compare, call }: { data: Traffic; stale: boolean; compare: string; call: Call }) {
  const then = data.figures.some((f) => f.as_of); // Beside figures of now.
  return (
    <section class={stale ? "panel stale" : "panel"} aria-label="Key figures" aria-busy={stale}>
      <ul class="tiles">
        {data.figures.filter((f) => f.name !== "value" || f.value !== 0 || f.previous).map((f) => (
          <li key={f.name}>
            <Tile figure={f} compared={compare !== "none"} then={then} />
          </li>
        ))}
      </ul>
      <Trend data={data} call={call} then={!!then} />
    </section>
  );
}

function Tile({ figure: f, compared, then }: { figure: Figure; compared: boolean; then: boolean }) {
  const inTrend = f.name === "sessions" || f.name === "visitors" || f.name === "conversions";
  const inside = (
    <>
      <span class="tile-name">{names[f.name]}</span>
      <span class="tile-value" data-value={f.value}>
        {figureText(f, f.value)}
      </span>
      {then && <span class="tile-known" data-known={f.as_of ? "then" : "now"}>{f.as_of ? "as known then" : "as known now"}</span>}
      {compared && f.previous !== null && (
        <span class={`tile-change ${(f.change ?? 0) > 0 ? "up" : (f.change ?? 0) < 0 ? "downward" : ""}`}>
          {change(f.change)} <span class="tile-before">from {figureText(f, f.previous)}</span>
        </span>
      )}
    </>
  );
  if (!inTrend) return <div class="tile" data-testid={`figure-${f.name}`}>{inside}</div>;
  return (
    <button type="button" class="tile" aria-pressed={metric() === f.name} onClick={() => setQuery({ metric: f.name === "sessions" ? null : f.name }, "replace")} data-testid={`figure-${f.name}`}>
      {inside}
    </button>
  );
}

function Trend({ data, call, then }: { data: Traffic; call: Call; then: boolean }) {
  const m = metric();
  const labels = data.trend.map((p) => stretch(p.start, data.granularity));
  const series: Series[] = [{ name: names[m], values: data.trend.map((p) => p[m]) }];
  if (data.previous.length > 0) series.push({ name: `${names[m]} before`, values: data.trend.map((_, i) => data.previous[i]?.[m] ?? 0), dashed: true });
  return (
    <>
      <LineChart title={`${names[m]} by ${data.granularity}; the same numbers are in the table below`} labels={labels} series={series} />
      <details class="twin">
        <summary>Show as a table</summary>
        <div class="table-tools">
          <ExportMenu what="Trend" name="traffic" table={() => trendTable(data, then)} call={call} testid="export-trend" />
        </div>
        <div class="table-box" role="region" aria-label="Trend" tabIndex={0}>
          <table class="table table-small" data-testid="trend">
            <thead>
              <tr>
                <th scope="col">{data.granularity === "hour" ? "Hour" : data.granularity === "day" ? "Day" : data.granularity === "week" ? "Week" : "Month"}</th>
                <th scope="col" class="number">{then ? "Sessions now" : "Sessions"}</th>
                <th scope="col" class="number">{then ? "Visitors now" : "Visitors"}</th>
                <th scope="col" class="number">{then ? "Conversions then" : "Conversions"}</th>
                {data.previous.length > 0 && <th scope="col" class="number">{names[m]} before</th>}
              </tr>
            </thead>
            <tbody>
              {data.trend.map((p, i) => (
                <tr key={p.start}>
                  <th scope="row">{labels[i]}</th>
                  <td class="number">{count(p.sessions)}</td>
                  <td class="number">{count(p.visitors)}</td>
                  <td class="number">{count(p.conversions)}</td>
                  {data.previous.length > 0 && <td class="number">{count(data.previous[i]?.[m] ?? 0)}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

function trendTable(data: Traffic, then: boolean) {
  const before = data.previous.length > 0;
  const columns = then ? ["sessions now", "visitors now", "conversions then"] : ["sessions", "visitors", "conversions"];
  return {
    head: ["start", ...columns, ...(before ? columns.map((c) => `${c} before`) : [])],
    rows: data.trend.map((p, i) => {
      const was = data.previous[i];
      return [p.start, p.sessions, p.visitors, p.conversions, ...(before ? [was?.sessions ?? "", was?.visitors ?? "", was?.conversions ?? ""] : [])];
    }),
  };
}
