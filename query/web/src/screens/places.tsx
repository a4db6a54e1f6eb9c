// Content and Locations: what pages do, and what countries bring.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery, type Answer } from "../api/query";
import type { Call } from "../exports";
import { count, country, money, pageOn, percent, plural, siteOf, upright } from "../format";
import { models } from "../models";
import { useReport, type Common } from "../report";
import { currency } from "../session";
import { place, setQuery } from "../url";
import { Head, ProblemNote, Skeleton } from "../ui/basics";
import { Changed, ChangeWords, Compare } from "../ui/compare";
import { ExportMenu } from "../ui/export";
import { addFilter } from "../ui/filterbar";
import { Icon } from "../ui/icon";
import { PeriodMenu } from "../ui/periodbar";
import { NoRows, ReportBar, singleModel } from "./reportbar";

/** What the answers about pages and about countries have in common. */
interface List<R> {
  rows: R[];
  total: number;
  previous?: Schemas["TotalsBefore"];
}

interface Column {
  id: string; // a row's field; previous_ and this is its field of the days compared with
  label: string;
  money?: boolean;
  visits?: boolean; // counts visits, of which there is no history
}

/** How pages, or countries, are shown. */
interface Kind<R> {
  id: string;
  title: string;
  label: string; // of the table
  head: string; // of the column of names
  what: string; // what there is none of, where there is nothing
  hint: string; // before the model's text, and after it
  rate: string;
  now: string; // what is counted as it is known now
  columns: Column[];
  bar: string; // the column that bars show, and that rates are of
  name: (r: R) => string;
  cell: (r: R, site: string) => ComponentChildren;
  site: (rows: R[]) => string; // on which all rows are, or ""
  summary: (a: List<R>) => string;
}

const rowsAtFirst = 25;

const numberOf = (r: object, field: string) => Number((r as Record<string, unknown>)[field] ?? 0);
const beforeOf = (r: object, field: string) => numberOf(r, `previous_${field}`);

/** What the address asks, under a model that the API takes here. */
function useAsked() {
  const { common, before } = useReport();
  return { common, compared: before.compare !== "none", before, asked: { ...common, ...before, model: singleModel(common) } };
}

type Asked = ReturnType<typeof useAsked>;

/** A screen with the table of one kind of places. */
function Places<R extends object>({ kind, of, query: { asked, common, compared, before } }: { kind: Kind<R>; of: Answer<List<R>>; query: Asked }) {
  return (
    <>
      <Head title={kind.title}>
        <Compare now={before} />
        <PeriodMenu />
      </Head>
      <ReportBar common={common} model={true} now={kind.now} />
      <p class="hint">
        {kind.hint} {models.find((m) => m.id === asked.model)?.text} {common.as_of ? "" : kind.rate}
      </p>
      {of.problem && <ProblemNote problem={of.problem} again={of.reload} />}
      {!of.data && of.loading && <Skeleton lines={8} />}
      {of.data && of.data.rows.length === 0 && <NoRows common={common} what={kind.what} />}
      {of.data && of.data.rows.length > 0 && <Sorted kind={kind} data={of.data} common={common} compared={compared && !!of.data.previous} stale={of.loading} call={{ path: `/api/v1/${kind.id}`, query: asked }} />}
    </>
  );
}

/** A table that is sorted by the column that the address names; changes are of this column. */
function Sorted<R extends object>({ kind, data, common, compared, stale, call }: { kind: Kind<R>; data: List<R>; common: Common; compared: boolean; stale: boolean; call: Call }) {
  const [all, setAll] = useState(false);
  const { rows } = data;
  const shown = kind.columns.filter((c) => !c.money || rows.some((r) => numberOf(r, c.id) !== 0 || beforeOf(r, c.id) !== 0));
  const sort = shown.find((c) => c.id === place.value.query.get("sort"));
  const moved = sort ?? shown.find((c) => c.id === "conversions")!;
  const sorted = sort ? [...rows].sort((a, b) => numberOf(b, sort.id) - numberOf(a, sort.id)) : rows;
  return (
    <section class={stale ? "panel stale" : "panel"} aria-label={kind.label} aria-busy={stale}>
      <header class="panel-head">
        <h2>{kind.label}</h2>
        <p class="attributed" data-testid={`${kind.id}-total`} data-total={data.total}>
          {kind.summary(data)}
        </p>
        {compared && data.previous && <ChangeWords now={data.total} before={data.previous} testid={`${kind.id}-before`} />}
        <ExportMenu bare what={kind.label} name={kind.id} table={() => tableOf(kind, sorted, compared, !!common.as_of)} call={call} />
      </header>
      <div class="table-box" role="region" aria-label={`By ${kind.head.toLowerCase()}`} tabIndex={0}>
        <table class="table table-small bars" data-testid={kind.id}>
          <thead>
            <tr>
              <th scope="col">{kind.site(rows) ? `${kind.head} on ${kind.site(rows)}` : kind.head}</th>
              {shown.map((c) => (
                <th key={c.id} scope="col" class="number" aria-sort={sort === c ? "descending" : undefined}>
                  <button type="button" class="link sort" onClick={() => setQuery({ sort: sort === c ? null : c.id }, "replace")} data-testid={`sort-${c.id}`}>
                    {common.as_of && c.visits ? `${c.label} now` : c.label}
                    {sort === c && <Icon name="down" />}
                  </button>
                </th>
              ))}
              {compared && <th scope="col" class="number" data-testid="change-of">Change of {moved.label.toLowerCase()}</th>}
              {!common.as_of && <th scope="col" class="number">Rate</th>}
            </tr>
          </thead>
          <Body kind={kind} all={rows} rows={all ? sorted : sorted.slice(0, rowsAtFirst)} columns={shown} moved={compared ? moved.id : ""} rated={!common.as_of} />
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

function Body<R extends object>({ kind, all, rows, columns, moved, rated }: { kind: Kind<R>; all: R[]; rows: R[]; columns: Column[]; moved: string; rated: boolean }) {
  const site = kind.site(all);
  const most = Math.max(1, ...all.map((r) => numberOf(r, kind.bar)));
  return (
    <tbody>
      {rows.map((r) => (
        <tr key={kind.name(r)} data-key={kind.name(r)}>
          <th scope="row">
            <span class="share" style={{ width: `${(numberOf(r, kind.bar) / most) * 100}%` }} />
            {kind.cell(r, site)}
          </th>
          {columns.map((c) => (
            <td key={c.id} class={c.id === "conversions" ? "number strong" : "number"} data-column={c.id} data-value={numberOf(r, c.id)}>
              {c.money ? money(numberOf(r, c.id), currency()) : count(numberOf(r, c.id))}
            </td>
          ))}
          {moved && <Changed now={numberOf(r, moved)} before={beforeOf(r, moved)} column={`previous_${moved}`} />}
          {rated && <td class="number">{numberOf(r, kind.bar) > 0 ? percent(numberOf(r, "conversions") / numberOf(r, kind.bar)) : "–"}</td>}
        </tr>
      ))}
    </tbody>
  );
}

function tableOf<R extends object>(kind: Kind<R>, rows: R[], compared: boolean, then: boolean) {
  const columns = kind.columns.map((c) => c.id);
  const head = kind.columns.map((c) => (then && c.visits ? `${c.id} now` : c.id));
  return {
    head: [kind.head.toLowerCase(), ...head, ...(compared ? head.map((c) => `${c} before`) : [])],
    rows: rows.map((r) => [kind.name(r), ...columns.map((c) => numberOf(r, c)), ...(compared ? columns.map((c) => beforeOf(r, c)) : [])]),
  };
}

const value: Column = { id: "value", label: "Value", money: true };

const pages: Kind<Schemas["ContentRow"]> = {
  id: "content",
  title: "Content",
  label: "Pages",
  head: "Page",
  what: "pages",
  hint: "Pages, without the query of their address. Conversions are credited to the visits that began with the page.",
  rate: "The rate is conversions per entry.",
  now: "Conversions and their value are of then. Visits have no history: visitors, views, entries and exits are those known now, so no rate is formed.",
  columns: [{ id: "visitors", label: "Visitors", visits: true }, { id: "views", label: "Views", visits: true }, { id: "entries", label: "Entries", visits: true }, { id: "exits", label: "Exits", visits: true }, { id: "conversions", label: "Conversions" }, value],
  bar: "entries",
  name: (r) => r.page,
  site: (rows) => siteOf(rows.map((r) => r.page)),
  cell: (r, site) =>
    r.page === "(none)" ? (
      <span class="key">(none)</span>
    ) : (
      <button type="button" class="link key" title={r.page} aria-label={`Only visits that began with ${upright(r.page)}`} onClick={() => addFilter({ dimension: "landing_page", operator: "contains", value: r.page })}>
        {upright(pageOn(site, r.page))}
      </button>
    ),
  summary: (a) => {
    const { pages } = a as Schemas["ContentList"];
    const rest = pages - a.rows.length;
    return `${plural(pages, "page")}, ${plural(a.total, "conversion")}${rest > 0 ? `; ${plural(rest, "page")} with less not shown` : ""}`;
  },
};

const countries: Kind<Schemas["LocationRow"]> = {
  id: "locations",
  title: "Locations",
  label: "Countries",
  head: "Country",
  what: "visitors",
  hint: "Conversions are credited to visits from the country. Of where somebody was, SourceLoop keeps the country and nothing nearer.",
  rate: "The rate is conversions per session.",
  now: "Conversions and their value are of then. Visits have no history: visitors and sessions are those known now, so no rate is formed.",
  columns: [{ id: "visitors", label: "Visitors", visits: true }, { id: "sessions", label: "Sessions", visits: true }, { id: "conversions", label: "Conversions" }, value],
  bar: "sessions",
  name: (r) => r.country,
  site: () => "",
  cell: (r) => (
    <button type="button" class="link key" aria-label={`Only ${country(r.country)}`} onClick={() => addFilter({ dimension: "country", operator: "is", value: r.country })}>
      {country(r.country)}
    </button>
  ),
  summary: (a) => `${plural(a.rows.length, "country", "countries")}, ${plural(a.total, "conversion")}`,
};

/** The screen at /dashboards/content. */
export function Content() {
  const query = useAsked();
  const of = useQuery(`content ${JSON.stringify(query.asked)}`, (signal) => ask("get", "/api/v1/content", { query: query.asked, signal }), 15_000);
  return <Places kind={pages} of={of} query={query} />;
}

/** The screen at /dashboards/locations. */
export function Locations() {
  const query = useAsked();
  const of = useQuery(`locations ${JSON.stringify(query.asked)}`, (signal) => ask("get", "/api/v1/locations", { query: query.asked, signal }), 15_000);
  return <Places kind={countries} of={of} query={query} />;
}
