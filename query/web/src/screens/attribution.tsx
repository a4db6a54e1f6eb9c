// One table of attribution: a dimension's values, and what each earned.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { dimensionLabel, type Dimension } from "../filters";
import { count, dimensionValue, money, pageOn, percent, plural, siteOf, times } from "../format";
import { credits, modelLabel, type Model } from "../models";
import { hrefOfRow, openerOfRow, type OpenedRow } from "../opened";
import type { Common, Compared } from "../report";
import { currency } from "../session";
import { Link, ProblemNote, Skeleton } from "../ui/basics";
import { Changed } from "../ui/compare";
import { ExportMenu } from "../ui/export";
import { addFilter } from "../ui/filterbar";

type Row = Schemas["AttributionRow"];

/** What stands beside the credits of a table. */
export interface Beside {
  vs: Model | undefined;
  second: Dimension | undefined; // split by
  before: Compared;
}

const rowsAtFirst = 7;
const rowsOfTall = 14;
const mostExported = 100_000; // rows that a file asks for, the most that the API gives

/** The card of one dimension; in words where a model cannot credit it. */
export function AttributionTable(props: { dimension: Dimension; common: Common; beside: Beside }) {
  const { dimension, common, beside } = props;
  const unable = [common.model, beside.vs].find((m) => m && [dimension, beside.second].some((d) => d && !credits(m, d)));
  if (!unable) return <CreditedTable {...props} />;
  const label = dimensionLabel(dimension);
  return (
    <section class="panel" aria-label={label} data-testid={`by-${dimension}`}>
      <header class="panel-head">
        <h2>{label}</h2>
      </header>
      <p class="hint">
        {modelLabel(unable)} credits what brings visitors, which {(credits(unable, dimension) ? dimensionLabel(beside.second ?? "") : label).toLowerCase()} does not. Choose another model to see this table.
      </p>
    </section>
  );
}

function CreditedTable({ dimension, common, beside }: { dimension: Dimension; common: Common; beside: Beside }) {
  const [all, setAll] = useState(false);
  const tall = dimension === "landing_page"; // device and country stand beside it
  const { vs } = beside;
  const second = beside.second === dimension ? undefined : beside.second;
  const query = { ...common, ...beside.before, dimension, ...(vs && { compare_model: vs }), ...(second && { second_dimension: second }) };
  const answer = useQuery(`attribution ${JSON.stringify(query)}`, (signal) => ask("get", "/api/v1/attribution", { query, signal }), 15_000);
  const label = dimensionLabel(dimension);
  const rows = answer.data?.rows ?? [];
  const rest = answer.data?.rest;
  const first = tall ? rowsOfTall : rowsAtFirst;
  const visible = all ? rows : rows.slice(0, first);
  const whole = rest ? { ...query, limit: mostExported } : query;
  // A file has the rows that the screen was not given, too.
  const table = async () => {
    const given = rest ? await ask("get", "/api/v1/attribution", { query: whole }) : { rows };
    return tableOf({ dimension, second, rows: withOthers(given), vs, compared: beside.before.compare !== "none", then: !!common.as_of });
  };
  return (
    <section class={`panel ${answer.loading ? "stale" : ""} ${answer.data?.cost ? "panel-whole" : tall ? "panel-tall" : ""}`} aria-label={label} aria-busy={answer.loading} data-testid={`by-${dimension}`}>
      <header class="panel-head">
        <h2>{label}</h2>
        {answer.data && (
          <p class="attributed" data-testid={`attributed-${dimension}`} data-attributed={answer.data.attributed} data-total={answer.data.total}>
            {count(answer.data.attributed)} of {count(answer.data.total)} conversions attributed
          </p>
        )}
        {rows.length > 0 && (
          <ExportMenu bare what={label} name={`traffic-${dimension}`} table={table} call={{ path: "/api/v1/attribution", query: whole }} testid={`export-${dimension}`} />
        )}
      </header>
      {answer.problem && <ProblemNote problem={answer.problem} again={answer.reload} />}
      {!answer.data && answer.loading && <Skeleton lines={5} />}
      {answer.data && rows.length === 0 && <p class="hint">Nothing in these days with these filters.</p>}
      {rows.length > 0 && <Table of={{ dimension, second }} rows={visible} all={rows} model={common.model} vs={vs} paid={!!answer.data?.cost} compared={!!answer.data?.previous} then={!!common.as_of} />}
      {rows.length > first && (
        <button type="button" class="link more" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show ${rest ? "the first" : "all"} ${count(rows.length)}`}
        </button>
      )}
      {answer.data && rest && (
        <p class="hint" data-testid={`rest-${dimension}`}>
          {restWords({ more: answer.data.count - rows.length, rest, model: common.model, vs, then: !!common.as_of })}
        </p>
      )}
    </section>
  );
}

/** What the rows beyond those of the answer have, of what the table shows of each. */
function restWords({ more, rest, model, vs, then }: { more: number; rest: Schemas["AttributionRest"]; model: Model; vs: Model | undefined; then: boolean }): string {
  const now = then ? " now" : "";
  const credited = plural(rest.conversions, "conversion");
  const sums = [
    ...(vs ? [`${credited} by ${modelLabel(model)}`, `${count(rest.compare_conversions ?? 0)} by ${modelLabel(vs)}`] : [credited]),
    `${plural(rest.sessions, "session")}${now}`,
    ...(rest.value && !vs ? [`a value of ${money(rest.value, currency())}`] : []),
    ...(rest.cost ? [`a cost of ${money(rest.cost, currency())}${now}`] : []),
  ];
  return `${plural(more, "other value")} ${more === 1 ? "has" : "have"} ${new Intl.ListFormat("en-GB").format(sums)}.`;
}

interface TableProps {
  of: { dimension: Dimension; second: Dimension | undefined };
  rows: Row[];
  all: Row[];
  model: Model;
  vs: Model | undefined;
  paid: boolean;
  compared: boolean;
  then: boolean; // as of an earlier day, while sessions are those of now
}

function Table({ of: { dimension, second }, rows, all, model, vs, paid, compared, then }: TableProps) {
  const rated = !vs && !compared && !then;
  const most = Math.max(1, ...all.map((r) => r.sessions));
  const site = dimension === "landing_page" ? siteOf(all.map((r) => r.key)) : "";
  const shown = (key: string) => (dimension === "landing_page" ? pageOn(site, key) : dimensionValue(dimension, key));
  const worth = all.some((r) => r.value !== 0);
  return (
    <div class="table-box" role="region" aria-label={`By ${dimensionLabel(dimension)}`} tabIndex={0}>
      <table class="table table-small bars">
        <thead>
          <tr>
            <th scope="col">{site ? `${dimensionLabel(dimension)} on ${site}` : dimensionLabel(dimension)}</th>
            {second && <th scope="col">{dimensionLabel(second)}</th>}
            <th scope="col" class="number">{then ? "Sessions now" : "Sessions"}</th>
            <th scope="col" class="number">{vs ? modelLabel(model) : "Conversions"}</th>
            {vs && <th scope="col" class="number">{modelLabel(vs)}</th>}
            {vs && <th scope="col" class="number">Difference</th>}
            {compared && !vs && <th scope="col" class="number">Change</th>}
            {rated && <th scope="col" class="number">Rate</th>}
            {worth && !vs && <th scope="col" class="number">Value</th>}
            {paid && <th scope="col" class="number">{then ? "Cost now" : "Cost"}</th>}
            {paid && !vs && !then && (
              <th scope="col" class="number">
                <abbr title="Cost per conversion">Per conv.</abbr>
              </th>
            )}
            {paid && worth && !vs && !then && (
              <th scope="col" class="number">
                <abbr title="Return on spend: value divided by cost">Return</abbr>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => (
            <tr key={`${r.key} ${r.second_key}`} data-key={r.key} data-second={r.second_key}>
              <th scope="row">
                <span class="share" style={{ width: `${(r.sessions / most) * 100}%` }} />
                <button type="button" class="link key" title={r.key} aria-label={`Only ${dimensionLabel(dimension)} ${dimensionValue(dimension, r.key)}`} onClick={() => addFilter({ dimension, operator: "is", value: r.key })}>
                  {shown(r.key)}
                </button>
              </th>
              {second && <td class="second" title={r.second_key}>{dimensionValue(second, r.second_key ?? "")}</td>}
              <td class="number" data-column="sessions" data-value={r.sessions}>{count(r.sessions)}</td>
              <Credit column="conversions" n={r.conversions} of={{ row: dimension, key: r.key, row2: second, key2: r.second_key }} />
              {vs && <Credit column="compare_conversions" n={r.compare_conversions ?? 0} of={{ row: dimension, key: r.key, row2: second, key2: r.second_key, under: vs }} />}
              {vs && <Difference by={(r.compare_conversions ?? 0) - r.conversions} />}
              {compared && !vs && <Changed now={r.conversions} before={r.previous_conversions ?? 0} />}
              {rated && <td class="number">{r.sessions > 0 ? percent(r.conversions / r.sessions) : "–"}</td>}
              {worth && !vs && <td class="number" data-column="value" data-value={r.value}>{money(r.value, currency())}</td>}
              {paid && <td class="number" data-column="cost" data-value={r.cost}>{r.cost ? money(r.cost, currency()) : "–"}</td>}
              {paid && !vs && !then && <td class="number" data-column="cost_per_conversion" data-value={r.cost_per_conversion}>{r.cost_per_conversion === undefined ? "–" : money(r.cost_per_conversion, currency())}</td>}
              {paid && worth && !vs && !then && <td class="number" data-column="return_on_spend" data-value={r.return_on_spend}>{r.return_on_spend === undefined ? "–" : times(r.return_on_spend)}</td>}
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

/** A number of conversions, which opens those behind it. */
function Credit({ column, n, of }: { column: string; n: number; of: OpenedRow }) {
  const named = [of.key, of.key2].filter(Boolean).join(", ");
  return (
    <td class="number strong" data-column={column} data-value={n}>
      {n === 0 ? (
        "0"
      ) : (
        <Link class="behind-link" href={hrefOfRow(of)} data-opens={openerOfRow(of)} aria-label={`${count(n)} conversions of ${named}: show them`}>
          {count(n)}
        </Link>
      )}
    </td>
  );
}

/** The rows, and below them the sums of those beyond the limit. */
function withOthers({ rows, rest }: Pick<Schemas["Attribution"], "rows" | "rest">): Row[] {
  return rest ? [...rows, { ...rest, key: "(others)" }] : rows;
}

function tableOf({ dimension, second, rows, vs, compared, then }: { dimension: Dimension; second: Dimension | undefined; rows: Row[]; vs: Model | undefined; compared: boolean; then: boolean }) {
  const now = then ? " now" : ""; // What has no history.
  const paid = rows.some((r) => r.cost !== undefined);
  const pick = (on: unknown, head: string[], of: (r: Row) => (string | number | undefined)[]) => (on ? [{ head, of }] : []);
  const parts = [
    ...pick(true, [dimension], (r) => [r.key]),
    ...pick(second, [second ?? ""], (r) => [r.second_key]),
    ...pick(true, [`sessions${now}`, "conversions", "value"], (r) => [r.sessions, r.conversions, r.value]),
    ...pick(paid, [`cost${now}`], (r) => [r.cost ?? 0]),
    ...pick(paid && !then, ["cost per conversion", "return on spend"], (r) => [r.cost_per_conversion, r.return_on_spend]),
    ...pick(vs, [`conversions ${vs}`, `value ${vs}`], (r) => [r.compare_conversions ?? 0, r.compare_value ?? 0]),
    ...pick(compared, [`sessions${now} before`, "conversions before", "value before"], (r) => [r.previous_sessions ?? 0, r.previous_conversions ?? 0, r.previous_value ?? 0]),
  ];
  return { head: parts.flatMap((p) => p.head), rows: rows.map((r) => parts.flatMap((p) => p.of(r).map((v) => v ?? ""))) };
}
