// What became of the numbers since a day: by cause, by row, by conversion.
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { asOfText, causeText, together } from "../credits";
import { dimensionLabel, dimensions } from "../filters";
import { count, dateTime, dimensionValue, money, plural } from "../format";
import { conversionLabel, modelLabel } from "../models";
import { hrefOfExplained } from "../opened";
import { currency, zone } from "../session";
import { place, setQuery } from "../url";
import { Choice, Link, ProblemNote, Skeleton } from "../ui/basics";
import { ExportMenu } from "../ui/export";
import type { Common } from "../report";

type Changes = Schemas["AttributionChanges"];

/** The panel "What changed since". */
export function WhatChanged({ common }: { common: Common }) {
  return (
    <section class="panel changes" aria-label="What changed since" data-testid="changes">
      <header class="panel-head">
        <h2>What changed since {asOfText(common.as_of, zone())}</h2>
      </header>
      {common.first_only ? (
        <p class="hint">Which conversion is a contact's first may change as well, so these numbers have no causes of their own. Count every conversion to see what changed.</p>
      ) : (
        <Asked common={common} />
      )}
    </section>
  );
}

function Asked({ common }: { common: Common }) {
  const by = dimensions.find((d) => d.id === place.value.query.get("moved"))?.id ?? "channel";
  const { first_only, ...asked } = common;
  const query = { ...asked, dimension: by };
  const answer = useQuery(`changes ${JSON.stringify(query)}`, (signal) => ask("get", "/api/v1/attribution/changes", { query, signal }));
  const data = answer.data;
  return (
    <div class={answer.loading ? "stale" : ""} aria-busy={answer.loading}>
      {answer.problem && <ProblemNote problem={answer.problem} again={answer.reload} />}
      {!data && answer.loading && <Skeleton lines={5} />}
      {data && (
        <>
          <p class="changes-sum" data-testid="then-now" data-then={data.then} data-now={data.now}>
            <strong>{plural(data.then, "conversion")}</strong> then, <strong>{count(data.now)}</strong> now
          </p>
          {data.erased > 0 && (
            <p class="hint" data-testid="erased" data-value={data.erased}>
              {plural(data.erased, "conversion")} of people who were erased since, in any period, {data.erased === 1 ? "is" : "are"} in neither number.
            </p>
          )}
          {together(common.model) && data.causes.length > 0 && (
            <p class="hint" data-testid="replayed">
              {modelLabel(common.model)} credits all paths together. So the causes are made to happen once more, one after the other, and each has what the whole table changes by it.
            </p>
          )}
          {data.causes.length === 0 ? <p class="hint" data-testid="nothing-changed">Nothing changed in these days.</p> : <Causes data={data} />}
          {data.causes.length > 0 && (
            <div class="bar">
              <Choice label="Show what moved by" value={by} options={dimensions} onChange={(moved) => setQuery({ moved: moved === "channel" ? null : moved })} testid="moved" />
              <ExportMenu what="What moved" name={`changes-${by}`} table={() => tableOf(data, by)} call={{ path: "/api/v1/attribution/changes", query }} testid="export-changes" />
            </div>
          )}
          {data.rows.length > 0 && <Rows data={data} by={by} />}
          {data.items.length > 0 && <Items data={data} />}
        </>
      )}
    </div>
  );
}

const signed = (n: number) => {
  const rounded = Math.round(n * 100) / 100;
  return rounded > 0 ? `+${count(rounded)}` : rounded < 0 ? `−${count(-rounded)}` : "0";
};

function Causes({ data }: { data: Changes }) {
  const worth = data.causes.some((c) => c.value_change !== 0);
  return (
    <div class="table-box" role="region" aria-label="Causes" tabIndex={0}>
      <table class="table table-small" data-testid="causes">
        <thead>
          <tr>
            <th scope="col">Because of</th>
            <th scope="col" class="number">Conversions that moved</th>
            <th scope="col" class="number">More or fewer</th>
            {worth && <th scope="col" class="number">Value</th>}
          </tr>
        </thead>
        <tbody>
          {data.causes.map((c) => (
            <tr key={c.cause} data-cause={c.cause}>
              <th scope="row" class="break">{causeText(c.cause)}</th>
              <td class="number" data-value={c.conversions}>{count(c.conversions)}</td>
              <td class="number strong">{signed(c.change)}</td>
              {worth && <td class="number">{c.value_change > 0 && "+"}{money(c.value_change, currency())}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Rows({ data, by }: { data: Changes; by: string }) {
  return (
    <div class="table-box" role="region" aria-label="Rows that moved" tabIndex={0}>
      <table class="table table-small" data-testid="moved-rows">
        <thead>
          <tr>
            <th scope="col">{dimensionLabel(by)}</th>
            <th scope="col" class="number">Then</th>
            <th scope="col" class="number">Now</th>
            <th scope="col" class="number">Change</th>
            <th scope="col">Because of</th>
          </tr>
        </thead>
        <tbody>
          {data.rows.map((r) => (
            <tr key={r.key} data-key={r.key}>
              <th scope="row" class="break">{dimensionValue(by, r.key)}</th>
              <td class="number" data-column="then" data-value={r.then}>{count(r.then)}</td>
              <td class="number strong" data-column="now" data-value={r.now}>{count(r.now)}</td>
              <td class={`number ${r.now > r.then ? "up" : r.now < r.then ? "downward" : ""}`}>{signed(r.now - r.then)}</td>
              <td class="break">
                {Object.entries(r.by_cause).map(([cause, change]) => (
                  <span key={cause} class="cause">
                    {causeText(cause as Schemas["ChangeCause"])} {signed(change)}
                  </span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Items({ data }: { data: Changes }) {
  return (
    <details class="twin">
      <summary data-testid="moved-summary">{plural(data.items.length, "conversion")} that moved</summary>
      <div class="table-box" role="region" aria-label="Conversions that moved" tabIndex={0}>
        <table class="table table-small" data-testid="moved-conversions">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Conversion</th>
              <th scope="col">Because of</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {data.items.map((i) => (
              <tr key={i.id}>
                <th scope="row">{dateTime(i.at, zone())}</th>
                <td>{conversionLabel(i.name)}</td>
                <td class="break">{i.causes.map(causeText).join("; ")}</td>
                <td>
                  <Link href={hrefOfExplained(i.id)} data-opens={`why ${i.id}`} aria-label={`Explain the conversion of ${dateTime(i.at, zone())}`}>
                    Explain
                  </Link>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function tableOf(data: Changes, by: string) {
  const causes = [...new Set(data.rows.flatMap((r) => Object.keys(r.by_cause)))];
  return {
    head: [by, "then", "now", "then_value", "now_value", ...causes],
    rows: data.rows.map((r) => [r.key, r.then, r.now, r.then_value, r.now_value, ...causes.map((c) => r.by_cause[c] ?? 0)]),
  };
}
