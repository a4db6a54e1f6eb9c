// One table of attribution: a dimension's values, and what each earned.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { download, toCsv } from "../csv";
import { dimensionLabel, type Dimension } from "../filters";
import { count, dimensionValue, money, percent, times } from "../format";
import { credits, modelLabel, type Model } from "../models";
import { session } from "../session";
import { ProblemNote, Skeleton } from "../ui/basics";
import { addFilter } from "../ui/filterbar";
import { Icon } from "../ui/icon";

type Row = Schemas["AttributionRow"];

interface Common {
  from: string;
  to: string;
  model: Model;
  lookback: string;
  conversion: string;
  filter: string[];
}

const rowsAtFirst = 7;

/** The card of one dimension; in words where a model cannot credit it. */
export function AttributionTable(props: { dimension: Dimension; common: Common; vs: Model | undefined }) {
  const { dimension, common, vs } = props;
  const unable = [common.model, vs].find((m) => m && !credits(m, dimension));
  if (!unable) return <CreditedTable {...props} />;
  const label = dimensionLabel(dimension);
  return (
    <section class="panel" aria-label={label} data-testid={`by-${dimension}`}>
      <header class="panel-head">
        <h2>{label}</h2>
      </header>
      <p class="hint">
        {modelLabel(unable)} credits what brings visitors, which {label.toLowerCase()} does not. Choose another model to see this table.
      </p>
    </section>
  );
}

function CreditedTable({ dimension, common, vs }: { dimension: Dimension; common: Common; vs: Model | undefined }) {
  const [all, setAll] = useState(false);
  const answer = useQuery(
    `attribution ${dimension} ${JSON.stringify(common)} ${vs ?? ""}`,
    (signal) => ask("get", "/api/v1/attribution", { query: { ...common, dimension, ...(vs ? { compare_model: vs } : {}) }, signal }),
    15_000,
  );
  const label = dimensionLabel(dimension);
  const rows = answer.data?.rows ?? [];
  const visible = all ? rows : rows.slice(0, rowsAtFirst);
  return (
    <section class={`panel ${answer.loading ? "stale" : ""} ${answer.data?.cost ? "panel-whole" : ""}`} aria-label={label} aria-busy={answer.loading} data-testid={`by-${dimension}`}>
      <header class="panel-head">
        <h2>{label}</h2>
        {answer.data && (
          <p class="attributed" data-testid={`attributed-${dimension}`} data-attributed={answer.data.attributed} data-total={answer.data.total}>
            {count(answer.data.attributed)} of {count(answer.data.total)} conversions attributed
          </p>
        )}
        <button type="button" class="button button-icon" aria-label={`Download ${label} as CSV`} disabled={rows.length === 0} onClick={() => save(dimension, rows, vs)}>
          <Icon name="download" />
        </button>
      </header>
      {answer.problem && <ProblemNote problem={answer.problem} again={answer.reload} />}
      {!answer.data && answer.loading && <Skeleton lines={5} />}
      {answer.data && rows.length === 0 && <p class="hint">Nothing in these days with these filters.</p>}
      {rows.length > 0 && <Table dimension={dimension} rows={visible} all={rows} model={common.model} vs={vs} paid={!!answer.data?.cost} />}
      {rows.length > rowsAtFirst && (
        <button type="button" class="link more" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show all ${count(rows.length)}`}
        </button>
      )}
    </section>
  );
}

function Table({ dimension, rows, all, model, vs, paid }: { dimension: Dimension; rows: Row[]; all: Row[]; model: Model; vs: Model | undefined; paid: boolean }) {
  const most = Math.max(1, ...all.map((r) => r.sessions));
  const worth = all.some((r) => r.value !== 0);
  const currency = session.value?.workspace.currency ?? "USD";
  return (
    <div class="table-box" role="region" aria-label={`By ${dimensionLabel(dimension)}`} tabIndex={0}>
      <table class="table table-small bars">
        <thead>
          <tr>
            <th scope="col">{dimensionLabel(dimension)}</th>
            <th scope="col" class="number">Sessions</th>
            <th scope="col" class="number">{vs ? modelLabel(model) : "Conversions"}</th>
            {vs && <th scope="col" class="number">{modelLabel(vs)}</th>}
            {vs && <th scope="col" class="number">Difference</th>}
            {!vs && <th scope="col" class="number">Rate</th>}
            {worth && !vs && <th scope="col" class="number">Value</th>}
            {paid && <th scope="col" class="number">Cost</th>}
            {paid && !vs && (
              <th scope="col" class="number">
                <abbr title="Cost per conversion">Per conv.</abbr>
              </th>
            )}
            {paid && worth && !vs && (
              <th scope="col" class="number">
                <abbr title="Return on spend: value divided by cost">Return</abbr>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => (
            <tr key={r.key} data-key={r.key}>
              <th scope="row">
                <span class="share" style={{ width: `${(r.sessions / most) * 100}%` }} />
                <button type="button" class="link key" title={r.key} aria-label={`Only ${dimensionLabel(dimension)} ${dimensionValue(dimension, r.key)}`} onClick={() => addFilter({ dimension, operator: "is", value: r.key })}>
                  {dimensionValue(dimension, r.key)}
                </button>
              </th>
              <td class="number" data-column="sessions" data-value={r.sessions}>{count(r.sessions)}</td>
              <td class="number strong" data-column="conversions" data-value={r.conversions}>{count(r.conversions)}</td>
              {vs && <td class="number strong" data-column="compare_conversions" data-value={r.compare_conversions}>{count(r.compare_conversions ?? 0)}</td>}
              {vs && <Difference by={(r.compare_conversions ?? 0) - r.conversions} />}
              {!vs && <td class="number">{r.sessions > 0 ? percent(r.conversions / r.sessions) : "–"}</td>}
              {worth && !vs && <td class="number" data-column="value" data-value={r.value}>{money(r.value, currency)}</td>}
              {paid && <td class="number" data-column="cost" data-value={r.cost}>{r.cost ? money(r.cost, currency) : "–"}</td>}
              {paid && !vs && <td class="number" data-column="cost_per_conversion" data-value={r.cost_per_conversion}>{r.cost_per_conversion === undefined ? "–" : money(r.cost_per_conversion, currency)}</td>}
              {paid && worth && !vs && <td class="number" data-column="return_on_spend" data-value={r.return_on_spend}>{r.return_on_spend === undefined ? "–" : times(r.return_on_spend)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Difference({ by }: { by: number }) {
  const rounded = Math.round(by * 100) / 100;
  const text = rounded > 0 ? `+${count(rounded)}` : rounded < 0 ? `−${count(-rounded)}` : "0";
  return <td class={`number ${rounded > 0 ? "up" : rounded < 0 ? "downward" : ""}`}>{text}</td>;
}

function save(dimension: Dimension, rows: Row[], vs: Model | undefined): void {
  const paid = rows.some((r) => r.cost !== undefined);
  const head = [dimension, "sessions", "conversions", "value", ...(paid ? ["cost", "cost per conversion", "return on spend"] : []), ...(vs ? [`conversions ${vs}`, `value ${vs}`] : [])];
  const body = rows.map((r) => [r.key, r.sessions, r.conversions, r.value, ...(paid ? [r.cost ?? 0, r.cost_per_conversion ?? "", r.return_on_spend ?? ""] : []), ...(vs ? [r.compare_conversions ?? 0, r.compare_value ?? 0] : [])]);
  download(`traffic-${dimension}.csv`, toCsv([head, ...body]));
}
