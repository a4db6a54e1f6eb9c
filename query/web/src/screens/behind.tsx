// What is behind a number of attribution: the conversions of a row, and of each
// how its credit came about. A drawer that the address names.
import { useEffect, useRef } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { dimensionLabel, dimensions, type Dimension } from "../filters";
import { count, dateTime, dimensionValue, money, plural } from "../format";
import { markOf } from "../mark";
import { conversionLabel, modelLabel, models, type Model } from "../models";
import { behindClosed, hrefOfExplained, openerOf } from "../opened";
import { currency, zone } from "../session";
import { changed, hrefOf, place, setQuery } from "../url";
import { Link, ProblemNote, Skeleton } from "../ui/basics";
import { Drawer } from "../ui/drawer";
import { focusOn, openerCalled } from "../ui/focus";
import { Explanation } from "./explain";
import type { Common } from "../report";

type Item = Schemas["CreditedConversion"];

const pageSize = 25;

/** What the address says is open. */
function opened() {
  const q = place.value.query;
  return {
    row: dimensions.find((d) => d.id === q.get("row"))?.id,
    second: dimensions.find((d) => d.id === q.get("row2"))?.id,
    key: q.get("key"),
    key2: q.get("key2"),
    under: models.find((m) => m.id === q.get("under"))?.id,
    why: q.get("why"),
  };
}

const close = () => setQuery(behindClosed);

/** The drawer over the report. Esc closes it, and the focus returns to what opened it. */
export function BehindDrawer({ common, vs }: { common: Common; vs: Model | undefined }) {
  const now = opened();
  const before = useRef<string | null>(null);
  useEffect(() => {
    // From an explanation back to the list, the focus is where it came from.
    if (now.why || !before.current || !focusOn(openerCalled(`why ${before.current}`))) focusOn("#behind-name");
    before.current = now.why;
  }, [now.why]);
  const heading = now.why ? "One conversion" : now.row && now.key !== null ? `${dimensionLabel(now.row)} ${dimensionValue(now.row, now.key)}` : "Conversions";
  return (
    <Drawer
      title={
        <>
          {heading}
          {!now.why && now.second && now.key2 !== null && ` · ${dimensionValue(now.second, now.key2)}`}
        </>
      }
      testid="behind"
      over
      opener={openerOf(place.value.query)}
      onClose={close}
    >
      <div class="drawer-body">
        {now.why && now.row && (
          <p>
            <Link href={hrefOf(place.value.path, changed(place.value.query, { why: null }))} data-testid="back-to-list">
              ‹ All conversions of {dimensionLabel(now.row)} {dimensionValue(now.row, now.key ?? "")}
            </Link>
          </p>
        )}
        {now.why && <Explanation id={now.why} common={{ ...common, model: now.under ?? common.model }} vs={now.under ? undefined : vs} by={{ dimension: now.row ?? "channel", second: now.key2 !== null ? now.second : undefined }} />}
        {!now.why && now.row && now.key !== null && <Conversions common={common} dimension={now.row} second={now.second} row={now.key} row2={now.key2} model={now.under ?? common.model} />}
      </div>
    </Drawer>
  );
}

interface Asked {
  common: Common;
  dimension: Dimension;
  second: Dimension | undefined;
  row: string;
  row2: string | null;
  model: Model;
}

/** What the credits of a list are. */
function meaning(model: Model): string {
  if (model === "shapley") return "Newest first: every conversion with this row in its path, with the share that Shapley gives it there. It is 0 where it added nothing to the others of the path.";
  if (model === "markov") return "Newest first: every conversion with this row in its path. Markov shares the sum of all conversions by what would be lost without each row, and none of them in particular; so what this row has is spread alike over these. A conversion's parts in several rows need not make one.";
  return `Newest first, with the credit that ${modelLabel(model)} gives this row.`;
}

function Conversions({ common, dimension, second, row, row2, model }: Asked) {
  const of = { ...common, model, dimension, key: row, ...(second && row2 !== null ? { second_dimension: second, second_key: row2 } : {}) };
  const mark = markOf(JSON.stringify(of));
  const [at, ...rest] = (place.value.query.get("at") ?? "").split("~");
  const cursor = at === mark ? rest.join("~") : "";
  const query = { ...of, cursor, limit: pageSize };
  const answer = useQuery(`behind ${JSON.stringify(query)}`, (signal) => ask("get", "/api/v1/attribution/conversions", { query, signal }));
  const items = answer.data?.items ?? [];
  return (
    <section class={answer.loading ? "stale" : ""} aria-label="Conversions" aria-busy={answer.loading}>
      <p class="hint" data-testid="behind-meaning">{meaning(model)}</p>
      {answer.problem && <ProblemNote problem={answer.problem} again={answer.reload} />}
      {!answer.data && answer.loading && <Skeleton lines={8} />}
      {!!answer.data?.without_path && (
        <p class="note" data-testid="behind-without" data-value={answer.data.without_path}>
          <span>{plural(answer.data.without_path, "conversion")} of this row {answer.data.without_path === 1 ? "is" : "are"} borne by no path: only visits without a conversion passed through it, to rows that others converted from.</span>
        </p>
      )}
      {answer.data && items.length === 0 && !answer.data.without_path && <p class="hint">No conversion in these days with these filters.</p>}
      {items.length > 0 && <List items={items} />}
      {answer.data && (cursor || answer.data.next) && (
        <nav class="pages" aria-label="Pages">
          {cursor && (
            <button type="button" class="button" onClick={() => setQuery({ at: null })} data-testid="behind-first">
              Newest
            </button>
          )}
          {answer.data.next && (
            <button type="button" class="button" onClick={() => setQuery({ at: `${mark}~${answer.data?.next}` })} data-testid="behind-next">
              Older
            </button>
          )}
        </nav>
      )}
    </section>
  );
}

function List({ items }: { items: Item[] }) {
  const worth = items.some((i) => i.value !== 0 || i.credited_value !== 0);
  return (
    <div class="table-box" role="region" aria-label="Table of conversions" tabIndex={0}>
      <table class="table table-small" data-testid="behind-list">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Conversion</th>
            <th scope="col" class="number">Credit</th>
            {worth && <th scope="col" class="number">Value</th>}
            {worth && <th scope="col" class="number">Credited</th>}
            <th scope="col">Who</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {items.map((i) => (
            <tr key={i.id} data-testid="behind-conversion" data-id={i.id}>
              <th scope="row">{dateTime(i.at, zone())}</th>
              <td>{conversionLabel(i.name)}</td>
              <td class="number strong" data-column="credit" data-value={i.credit}>{count(i.credit)}</td>
              {worth && <td class="number">{money(i.value, currency())}</td>}
              {worth && <td class="number strong">{money(i.credited_value, currency())}</td>}
              <td>
                <Link href={`/contacts/${encodeURIComponent(i.contact)}`} aria-label={`Contact of the conversion of ${dateTime(i.at, zone())}`}>
                  Contact
                </Link>
              </td>
              <td>
                <Link href={hrefOfExplained(i.id)} data-opens={`why ${i.id}`} data-testid="explain" aria-label={`Explain the conversion of ${dateTime(i.at, zone())}`}>
                  Explain
                </Link>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
