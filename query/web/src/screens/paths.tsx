// Paths: the sequences of touches before conversions.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import type { Call } from "../exports";
import { count, money, pageOn, percent, plural, siteOf, upright } from "../format";
import { useReport } from "../report";
import { currency } from "../session";
import { place, setQuery } from "../url";
import { Choice, Head, ProblemNote, Skeleton } from "../ui/basics";
import { Changed, ChangeWords, Compare } from "../ui/compare";
import { ExportMenu } from "../ui/export";
import { PeriodMenu } from "../ui/periodbar";
import { NoRows, ReportBar } from "./reportbar";

type Path = Schemas["Path"];

const steps = [
  { id: "channel", label: "Channel" },
  { id: "source", label: "Source" },
  { id: "page", label: "Landing page" },
] as const;

/** What a step shows of its value. */
function shown(by: string, site: string, step: string): string {
  return upright(by === "page" ? pageOn(site, step) : step);
}

/** The screen at /dashboards/paths. */
export function Paths() {
  const { common, before } = useReport();
  const q = place.value.query;
  const by = steps.find((s) => s.id === q.get("by"))?.id ?? "channel";
  const repeats = q.get("repeats") === "1";
  const { model: _, ...asked } = common;
  const query = { ...asked, ...before, by, repeats };
  const paths = useQuery(`paths ${JSON.stringify(query)}`, (signal) => ask("get", "/api/v1/paths", { query, signal }), 15_000);
  return (
    <>
      <Head title="Paths">
        <Compare now={before} />
        <PeriodMenu />
      </Head>
      <ReportBar common={common} model={false} now="Paths are those of then, with their visitors.">
        <Choice label="Steps" value={by} options={steps} onChange={(id) => setQuery({ by: id === "channel" ? null : id })} testid="path-by" />
        <label class="path-repeats">
          <input type="checkbox" checked={repeats} onChange={() => setQuery({ repeats: repeats ? null : "1" })} data-testid="path-repeats" />
          Show repeats
        </label>
      </ReportBar>
      <p class="hint">
        The visits that came before a conversion, the first one first{repeats ? "" : "; visits in a row that say the same are one step"}. Filters choose conversions of which a visit matches.
      </p>
      {paths.problem && <ProblemNote problem={paths.problem} again={paths.reload} />}
      {!paths.data && paths.loading && <Skeleton lines={8} />}
      {paths.data && paths.data.rows.length === 0 && <NoRows common={common} what="conversions" />}
      {paths.data && paths.data.rows.length > 0 && <Table by={by} data={paths.data} compared={before.compare !== "none"} stale={paths.loading} call={{ path: "/api/v1/paths", query }} />}
    </>
  );
}

const rowsAtFirst = 25;

function Table({ by, data, compared, stale, call }: { by: string; data: Schemas["PathList"]; compared: boolean; stale: boolean; call: Call }) {
  const worth = data.value !== 0;
  const before = compared ? data.previous : undefined;
  const [all, setAll] = useState(false);
  const site = by === "page" ? siteOf(data.rows.flatMap((r) => r.steps)) : "";
  const hidden = data.paths - data.rows.filter((r) => r.conversions > 0).length;
  return (
    <section class={stale ? "panel stale" : "panel"} aria-label="Paths" aria-busy={stale}>
      <header class="panel-head">
        <h2>{plural(data.paths, "path")}</h2>
        <p class="attributed" data-testid="path-total" data-total={data.total}>
          before {plural(data.total, "conversion")}
        </p>
        {before && <ChangeWords now={data.total} before={before} testid="path-before" />}
        <ExportMenu bare what="Paths" name={`paths-${by}`} table={() => tableOf(data.rows, !!before)} call={call} />
      </header>
      <div class="table-box" role="region" aria-label="Paths before conversions" tabIndex={0}>
        <table class="table table-small" data-testid="paths">
          <thead>
            <tr>
              <th scope="col">{site ? `Path on ${site}` : "Path"}</th>
              <th scope="col" class="number">Visitors</th>
              <th scope="col" class="number">Conversions</th>
              {before && <th scope="col" class="number">Change</th>}
              <th scope="col" class="number">Share</th>
              {worth && <th scope="col" class="number">Value</th>}
            </tr>
          </thead>
          <tbody>
            {(all ? data.rows : data.rows.slice(0, rowsAtFirst)).map((p) => (
              <tr key={JSON.stringify(p.steps)} data-path={p.steps.join(" > ")}>
                <th scope="row" class="path-cell">
                  <Steps by={by} site={site} steps={p.steps} />
                </th>
                <td class="number" data-column="visitors" data-value={p.visitors}>{count(p.visitors)}</td>
                <td class="number strong" data-column="conversions" data-value={p.conversions}>{count(p.conversions)}</td>
                {before && <Changed now={p.conversions} before={p.previous_conversions ?? 0} />}
                <td class="number">{percent(data.total > 0 ? p.conversions / data.total : 0)}</td>
                {worth && <td class="number" data-column="value" data-value={p.value}>{money(p.value, currency())}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {data.rows.length > rowsAtFirst && (
        <button type="button" class="link more" aria-expanded={all} onClick={() => setAll(!all)} data-testid="all-paths">
          {all ? "Show fewer" : `Show all ${count(data.rows.length)}`}
        </button>
      )}
      {(all || data.rows.length <= rowsAtFirst) && hidden > 0 && <p class="hint">{plural(hidden, "rarer path")} not shown.</p>}
    </section>
  );
}

const atEnds = 6;

/** Long paths show both of their ends; the rest is told when asked for. */
function Steps({ by, site, steps: all }: { by: string; site: string; steps: string[] }) {
  const list = (some: string[]) => (
    <ol class="path-steps">
      {some.map((s, i) => (
        <li key={i}>{shown(by, site, s)}</li>
      ))}
    </ol>
  );
  if (all.length <= 2 * atEnds) return list(all);
  return (
    <>
      {list(all.slice(0, atEnds))}
      <details class="path-middle">
        <summary>{all.length - 2 * atEnds} more in between</summary>
        {list(all.slice(atEnds, -atEnds))}
      </details>
      {list(all.slice(-atEnds))}
    </>
  );
}

function tableOf(rows: Path[], compared: boolean) {
  return {
    head: ["path", "visitors", "conversions", "value", ...(compared ? ["visitors before", "conversions before", "value before"] : [])],
    rows: rows.map((r) => [
      r.steps.join(" > "), r.visitors, r.conversions, r.value, ...(compared ? [r.previous_visitors ?? 0, r.previous_conversions ?? 0, r.previous_value ?? 0] : []),
    ]),
  };
}
