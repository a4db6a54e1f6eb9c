// One conversion: its touches with what each earned, what was left out, and why.
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { asOfText, beganText, leftOutText, ruleText, shareText, together } from "../credits";
import { dimensionLabel, type Dimension } from "../filters";
import { dateTime, money, sourceMedium, upright } from "../format";
import { conversionLabel, credits, modelLabel, type Model } from "../models";
import { currency, zone } from "../session";
import { place, setQuery } from "../url";
import { Choice, Link, ProblemNote, Skeleton } from "../ui/basics";
import { Field, Fields, OutLink } from "../ui/fields";
import type { Common } from "../report";

type Explained = Schemas["Explanation"];
type Touch = Schemas["ExplainedTouch"];

/** The explanation of a conversion, under a model or two, in a table by a dimension or two. */
export function Explanation({ id, common, vs, by }: { id: string; common: Common; vs: Model | undefined; by: By }) {
  const { lookback, exclude } = common;
  const now = place.value.query.get("when") === "now";
  const as_of = now ? "" : common.as_of;
  const shown = [common.model, vs].filter((m): m is Model => !!m && credits(m, by.dimension) && (!by.second || credits(m, by.second)));
  const query = shown.some(together) ? questionOf({ ...common, as_of }, shown, by) : { lookback, as_of, exclude };
  const answer = useQuery(`explain ${id} ${JSON.stringify(query)}`, (signal) => ask("get", "/api/v1/conversions/{id}/credits", { path: { id }, query, signal }));
  const when = common.as_of && (
    <div class="bar">
      <Choice
        label="As known"
        value={now ? "now" : ""}
        options={[{ id: "", label: `At ${asOfText(common.as_of, zone())}` }, { id: "now", label: "Now" }]}
        onChange={(when) => setQuery({ when })}
        testid="explained-when"
      />
    </div>
  );
  if (answer.problem) {
    return (
      <>
        {when}
        <ProblemNote problem={answer.problem} again={answer.reload} />
      </>
    );
  }
  if (!answer.data) return <Skeleton lines={10} />;
  const e = answer.data;
  const uncounted = shown.filter((m) => together(m) && e.touches.some((t) => t.credits?.[m] === undefined));
  const told = shown.filter((m) => !uncounted.includes(m));
  return (
    <div class="explained" data-testid="explained" data-id={id}>
      {uncounted.length > 0 && !answer.loading && (
        <p class="note" data-testid="explained-uncounted">
          <span>
            {uncounted.map(modelLabel).join(" and ")} {uncounted.length > 1 ? "share" : "shares"} the conversions that the table counts, and this is none of them: it lies outside its days, or is not what it counts. {told.length === 0 && "Below is what Linear gives each visit."}
          </span>
        </p>
      )}
      {uncounted.length === 0 && e.touches.length > 0 && told.some(together) && <p class="hint" data-testid="explained-together">{meaning(told.filter(together), by)}</p>}
      {when}
      <Milestones of={e} />
      <Touches of={e} models={told.length > 0 ? told : ["linear"]} />
      {e.left_out.length > 0 && <LeftOut touches={e.left_out} lookback={lookback} />}
    </div>
  );
}

/** What a table is grouped by. */
interface By {
  dimension: Dimension;
  second: Dimension | undefined;
}

/** The question of a table, which models that share all conversions together need. */
function questionOf({ model: _, ...common }: Common, [model, compare_model]: Model[], { dimension, second }: By) {
  return { ...common, model, ...(compare_model && { compare_model }), dimension, ...(second && { second_dimension: second }) };
}

/** What the shares of such models are. */
function meaning(models: Model[], { dimension, second }: By): string {
  const of = [dimension, ...(second ? [second] : [])].map((d) => dimensionLabel(d).toLowerCase()).join(" and ");
  const share = `${models.map(modelLabel).join(" and ")} ${models.length > 1 ? "share" : "shares"} the conversions of the whole table. What a ${of} has of this one is spread alike over its visits here.`;
  return models.includes("markov") ? `${share} Markov credits the sum of all conversions and none in particular, so these need not make one.` : share;
}

function Milestones({ of: e }: { of: Explained }) {
  const contact = useQuery(`contact ${e.contact}`, (signal) => ask("get", "/api/v1/contacts/{id}", { path: { id: e.contact }, signal }));
  const c = contact.data;
  return (
    <section aria-label="The conversion">
      <Fields>
        <Field name="name" label="Conversion" value={e.name} text={conversionLabel(e.name)} />
        <Field name="at" label="When" value={e.at} text={dateTime(e.at, zone())} />
        <Field name="contact" label="Who" value={e.contact}>
          <Link href={`/contacts/${encodeURIComponent(e.contact)}`}>{c?.name || c?.email || c?.phone || "The contact"}</Link>
        </Field>
        {e.value !== 0 && <Field name="value" label="Value" value={String(e.value)} text={money(e.value, e.currency || currency())} />}
        <Field name="identified_at" label="Identified" value={e.identified_at} text={dateTime(e.identified_at, zone())} />
        <Field name="in_progress_at" label="In Progress" value={e.in_progress_at ?? ""} text={e.in_progress_at ? dateTime(e.in_progress_at, zone()) : ""} />
        <Field name="known_at" label="Counted since" value={e.known_at} text={dateTime(e.known_at, zone())} />
        {e.url && (
          <Field name="url" label="Conversation" value={e.url}>
            <OutLink url={e.url} host />
          </Field>
        )}
      </Fields>
    </section>
  );
}

const shareOf = (t: Touch, model: Model) => t.credits?.[model] ?? 0;

function Touches({ of: e, models }: { of: Explained; models: Model[] }) {
  if (e.touches.length === 0) {
    return (
      <section aria-label="Touches">
        <h2>Touches</h2>
        <p class="hint" data-testid="no-touches">No visit within the lookback is known, so the whole conversion counts as Direct.</p>
      </section>
    );
  }
  return (
    <section aria-label="Touches">
      <h2>Touches</h2>
      <div class="table-box" role="region" aria-label="Table of touches" tabIndex={0}>
        <table class="table table-small touch-table" data-testid="touches">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Channel, and by which rule</th>
              <th scope="col">Source / medium</th>
              <th scope="col">Why it began</th>
              {models.map((m) => (
                <th key={m} scope="col" class="number">{modelLabel(m)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {e.touches.map((t) => (
              <tr key={t.session} data-testid="touch" data-id={t.session}>
                <TouchCells touch={t} />
                {models.map((m) => (
                  <td key={m} class="number strong" data-column={m} data-value={shareOf(t, m)}>
                    {shareText(shareOf(t, m))}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row" colSpan={4}>Together</th>
              {models.map((m) => (
                <td key={m} class="number strong" data-testid={`sum-${m}`} data-value={e.touches.reduce((sum, t) => sum + shareOf(t, m), 0)}>
                  {shareText(e.touches.reduce((sum, t) => sum + shareOf(t, m), 0))}
                </td>
              ))}
            </tr>
          </tfoot>
        </table>
      </div>
    </section>
  );
}

/** When, through what and why a session began. */
function TouchCells({ touch: { touch, reason } }: { touch: Touch }) {
  return (
    <>
      <th scope="row">{dateTime(touch.at, zone())}</th>
      <td class="break">
        <span class="channel">{touch.channel}</span>
        <span class="sub">{ruleText(upright(touch.rule))}</span>
      </td>
      <td class="break">
        {sourceMedium(touch)}
        {touch.campaign && <span class="sub">{upright(touch.campaign)}</span>}
      </td>
      <td class="break">{beganText(reason)}</td>
    </>
  );
}

function LeftOut({ touches, lookback }: { touches: Touch[]; lookback: string }) {
  return (
    <section aria-label="Left out">
      <h2>Left out</h2>
      <div class="table-box" role="region" aria-label="Table of what was left out" tabIndex={0}>
        <table class="table table-small touch-table" data-testid="left-out-touches">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Channel, and by which rule</th>
              <th scope="col">Source / medium</th>
              <th scope="col">Why it began</th>
              <th scope="col">Why it earns nothing</th>
            </tr>
          </thead>
          <tbody>
            {touches.map((t) => (
              <tr key={t.session} data-why={t.left_out}>
                <TouchCells touch={t} />
                <td class="break">{leftOutText(t.left_out, lookback)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
