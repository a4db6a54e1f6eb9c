// Content and Locations: what pages do, and what countries bring.
import { useState } from "preact/hooks";
import { ask } from "../api/client";
import { useQuery } from "../api/query";
import { download, toCsv } from "../csv";
import { count, country, dimensionValue, money, percent, plural, upright } from "../format";
import { models } from "../models";
import { session } from "../session";
import { place, setQuery } from "../url";
import { Head, ProblemNote, Skeleton } from "../ui/basics";
import { addFilter } from "../ui/filterbar";
import { Icon } from "../ui/icon";
import { PeriodMenu } from "../ui/periodbar";
import { NoRows, ReportBar, singleModel } from "./reportbar";
import { useReport } from "./traffic";

interface Column<R> {
  id: keyof R & string;
  label: string;
  money?: boolean;
}

interface TableOf<R> {
  id: string;
  label: string;
  head: string;
  rows: R[];
  columns: Column<R>[];
  bar: keyof R & string; // the column that the bars show
  name: (r: R) => string;
  cell: (r: R) => preact.ComponentChildren;
  summary: string;
  stale: boolean;
}

const rowsAtFirst = 25;

/** A table that is sorted by the column that the address names. */
function Sorted<R extends object>({ id, label, head, rows, columns, bar, name, cell, summary, stale }: TableOf<R>) {
  const [all, setAll] = useState(false);
  const currency = session.value?.workspace.currency ?? "USD";
  const number = (r: R, c: string) => Number(r[c as keyof R]);
  const shown = columns.filter((c) => !c.money || rows.some((r) => number(r, c.id) !== 0));
  const sort = shown.find((c) => c.id === place.value.query.get("sort"))?.id;
  const sorted = sort ? [...rows].sort((a, b) => number(b, sort) - number(a, sort)) : rows;
  const most = Math.max(1, ...rows.map((r) => number(r, bar)));
  const visible = all ? sorted : sorted.slice(0, rowsAtFirst);
  const save = () => download(`${id}.csv`, toCsv([[head, ...columns.map((c) => c.label)], ...sorted.map((r) => [name(r), ...columns.map((c) => number(r, c.id))])]));
  return (
    <section class={stale ? "panel stale" : "panel"} aria-label={label} aria-busy={stale}>
      <header class="panel-head">
        <h2>{label}</h2>
        <p class="attributed" data-testid={`${id}-total`}>
          {summary}
        </p>
        <button type="button" class="button button-icon" aria-label={`Download ${label} as CSV`} onClick={save}>
          <Icon name="download" />
        </button>
      </header>
      <div class="table-box" role="region" aria-label={`By ${head.toLowerCase()}`} tabIndex={0}>
        <table class="table table-small bars" data-testid={id}>
          <thead>
            <tr>
              <th scope="col">{head}</th>
              {shown.map((c) => (
                <th key={c.id} scope="col" class="number" aria-sort={sort === c.id ? "descending" : undefined}>
                  <button type="button" class="link sort" onClick={() => setQuery({ sort: sort === c.id ? null : c.id }, "replace")} data-testid={`sort-${c.id}`}>
                    {c.label}
                    {sort === c.id && <Icon name="down" />}
                  </button>
                </th>
              ))}
              <th scope="col" class="number">
                Rate
              </th>
            </tr>
          </thead>
          <tbody>
            {visible.map((r) => (
              <tr key={name(r)} data-key={name(r)}>
                <th scope="row">
                  <span class="share" style={{ width: `${(number(r, bar) / most) * 100}%` }} />
                  {cell(r)}
                </th>
                {shown.map((c) => (
                  <td key={c.id} class={c.id === "conversions" ? "number strong" : "number"} data-column={c.id} data-value={number(r, c.id)}>
                    {c.money ? money(number(r, c.id), currency) : count(number(r, c.id))}
                  </td>
                ))}
                <td class="number">{number(r, bar) > 0 ? percent(number(r, "conversions") / number(r, bar)) : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > rowsAtFirst && (
        <button type="button" class="link more" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show all ${count(rows.length)}`}
        </button>
      )}
    </section>
  );
}

/** What the address asks, under a model that the API takes here. */
function useAsked() {
  const { common } = useReport();
  return { common, asked: { ...common, model: singleModel(common) } };
}

/** The screen at /dashboards/content. */
export function Content() {
  const { common, asked } = useAsked();
  const pages = useQuery(`content ${JSON.stringify(asked)}`, (signal) => ask("get", "/api/v1/content", { query: asked, signal }), 15_000);
  const rest = pages.data ? pages.data.pages - pages.data.rows.length : 0;
  return (
    <>
      <Head title="Content">
        <PeriodMenu />
      </Head>
      <ReportBar common={common} model={true} />
      <p class="hint">
        Pages, without the query of their address. Conversions are credited to the visits that began with the page. {models.find((m) => m.id === asked.model)?.text} The rate is conversions per entry.
      </p>
      {pages.problem && <ProblemNote problem={pages.problem} again={pages.reload} />}
      {!pages.data && pages.loading && <Skeleton lines={8} />}
      {pages.data && pages.data.rows.length === 0 && <NoRows common={common} what="pages" />}
      {pages.data && pages.data.rows.length > 0 && (
        <Sorted
          id="content"
          label="Pages"
          head="Page"
          rows={pages.data.rows}
          columns={[
            { id: "visitors", label: "Visitors" },
            { id: "views", label: "Views" },
            { id: "entries", label: "Entries" },
            { id: "exits", label: "Exits" },
            { id: "conversions", label: "Conversions" },
            { id: "value", label: "Value", money: true },
          ]}
          bar="entries"
          name={(r) => r.page}
          cell={(r) =>
            r.page === "(none)" ? (
              <span>(none)</span>
            ) : (
              <button type="button" class="link key" title={r.page} aria-label={`Only visits that began with ${upright(r.page)}`} onClick={() => addFilter({ dimension: "landing_page", operator: "contains", value: r.page })}>
                {upright(dimensionValue("landing_page", r.page))}
              </button>
            )
          }
          summary={`${plural(pages.data.pages, "page")}, ${plural(pages.data.total, "conversion")}${rest > 0 ? `; ${plural(rest, "page")} with less not shown` : ""}`}
          stale={pages.loading}
        />
      )}
    </>
  );
}

/** The screen at /dashboards/locations. */
export function Locations() {
  const { common, asked } = useAsked();
  const places = useQuery(`locations ${JSON.stringify(asked)}`, (signal) => ask("get", "/api/v1/locations", { query: asked, signal }), 15_000);
  return (
    <>
      <Head title="Locations">
        <PeriodMenu />
      </Head>
      <ReportBar common={common} model={true} />
      <p class="hint">
        Conversions are credited to visits from the country. {models.find((m) => m.id === asked.model)?.text} The rate is conversions per session. Of where somebody was, SourceLoop keeps the country and nothing nearer.
      </p>
      {places.problem && <ProblemNote problem={places.problem} again={places.reload} />}
      {!places.data && places.loading && <Skeleton lines={8} />}
      {places.data && places.data.rows.length === 0 && <NoRows common={common} what="visitors" />}
      {places.data && places.data.rows.length > 0 && (
        <Sorted
          id="locations"
          label="Countries"
          head="Country"
          rows={places.data.rows}
          columns={[
            { id: "visitors", label: "Visitors" },
            { id: "sessions", label: "Sessions" },
            { id: "conversions", label: "Conversions" },
            { id: "value", label: "Value", money: true },
          ]}
          bar="sessions"
          name={(r) => r.country}
          cell={(r) => (
            <button type="button" class="link key" aria-label={`Only ${country(r.country)}`} onClick={() => addFilter({ dimension: "country", operator: "is", value: r.country })}>
              {country(r.country)}
            </button>
          )}
          summary={`${plural(places.data.rows.length, "country", "countries")}, ${plural(places.data.total, "conversion")}`}
          stale={places.loading}
        />
      )}
    </>
  );
}
