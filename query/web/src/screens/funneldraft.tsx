// The builder of a funnel: a drawer over the report. What is built and was not
// run yet is in the address as "draft", so that closing the drawer loses nothing.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/client";
import { useQuery } from "../api/query";
import { rangeLabel } from "../dates";
import { dimensions } from "../filters";
import { decode, encode, firstDefinition, fitted, isComplete, orders, stepError, stepLabel, windows, type Definition, type Step } from "../funnel";
import { changed, hrefOf, place, setQuery, type Changes } from "../url";
import { Choice, Link } from "../ui/basics";
import { Drawer } from "../ui/drawer";
import { Icon } from "../ui/icon";
import { Exclusions, Steps, type Match } from "./funnelsteps";

const scopes = [
  { id: "visitor", label: "Visitor" },
  { id: "session", label: "Session" },
  { id: "contact", label: "Contact" },
] as const;

/** What the links that open the drawer are known by. */
export const openers = { new: "funnel-new", edit: "funnel-edit" } as const;

/** Changes that leave a draft behind, for another funnel. */
export const withoutDraft: Changes = { draft: null, edit: null, step: null, key: null, cursor: null };

/** The address at which the drawer is open. */
export const hrefOfBuilder = () => hrefOf("/funnels", changed(place.value.query, { edit: "1" }));

/** What the address says was built and not run yet. */
export const readDraft = () => decode(place.value.query.get("draft"));

/** A funnel's rules in words. */
export function rulesText(d: Definition): string {
  const order = orders.find((o) => o.id === d.order)?.label ?? orders[0]!.label;
  const window = windows.find((w) => w.id === d.window)?.label ?? d.window ?? "14 days";
  const scope = scopes.find((s) => s.id === d.scope)?.label ?? scopes[0].label;
  const not = (d.exclusions ?? []).map((e) => stepLabel(e.step));
  return [order, `within ${window}`, `by the same ${scope.toLowerCase()}`, ...(not.length > 0 ? [`without ${not.join(" or ")}`] : [])].join(", ").replace("order, nothing", "order with nothing");
}

interface Props {
  asked: Definition | null; // the funnel of the report, null where there is none yet
  range: { from: string; to: string };
  again: () => void; // asks anew what was not changed
}

/** The drawer. Run shows the report; Esc keeps what was built. */
export function FunnelDrawer({ asked, range, again }: Props) {
  const start = asked ?? firstDefinition;
  const draft = readDraft() ?? start;
  const matches = useMatches(draft, range);
  const change = (d: Definition) => {
    const next = encode(fitted(d));
    setQuery({ draft: next === encode(start) ? null : next }, "replace");
  };
  const differs = encode(draft) !== encode(start);
  const run = () => {
    if (!differs && asked) again();
    setQuery({ ...withoutDraft, q: encode(draft), ...(asked ? {} : { funnel: null, tab: null }) });
  };
  return (
    <Drawer
      title={asked ? "Edit steps" : "New funnel"}
      testid="builder"
      modal
      opener={asked ? openers.edit : openers.new}
      onClose={() => setQuery({ edit: null })}
      foot={
        <>
          <button type="button" class="button button-main" disabled={!isComplete(draft)} onClick={run} data-testid="run">
            {differs || !asked ? "Run" : "Run again"}
          </button>
          {differs && (
            <button type="button" class="button" onClick={() => setQuery({ draft: null }, "replace")} data-testid="undo-changes">
              Undo changes
            </button>
          )}
          <p class="hint">{differs ? "Closing keeps what you changed." : "Nothing was changed."}</p>
        </>
      }
    >
      <div class="drawer-body builder">
        <section aria-labelledby="builder-steps">
          <h2 id="builder-steps">Steps</h2>
          <p class="hint">Beside each: who did it in these days ({rangeLabel(range)}). Move a step by dragging its number, with Alt and the arrow keys, or with its buttons.</p>
          <Steps steps={draft.steps} matches={draft.steps.map(matches)} onChange={(steps) => change({ ...draft, steps })} />
        </section>
        <section aria-labelledby="builder-not">
          <h2 id="builder-not">What must not happen between</h2>
          <Exclusions list={draft.exclusions ?? []} steps={draft.steps.length} matches={(draft.exclusions ?? []).map((e) => matches(e.step))} onChange={(exclusions) => change({ ...draft, exclusions })} />
        </section>
        <section aria-labelledby="builder-rules">
          <h2 id="builder-rules">How it counts</h2>
          <Rules draft={draft} onChange={change} />
        </section>
      </div>
    </Drawer>
  );
}

/** Says that something was built and not run, while the drawer is closed. */
export function Unfinished() {
  const draft = readDraft();
  if (!draft || place.value.query.get("edit")) return null;
  return (
    <div class="note" role="status" data-testid="unfinished">
      <Icon name="warn" />
      <div>
        <strong>Changes that were not run yet</strong>
        <p>{draft.steps.map(stepLabel).join(" → ")}</p>
      </div>
      <Link href={hrefOfBuilder()} class="button" data-testid="continue-draft">
        Go on
      </Link>
      <button type="button" class="button" onClick={() => setQuery({ draft: null })} data-testid="drop-draft">
        Undo them
      </button>
    </div>
  );
}

/** How often each whole step of a draft was met, asked when typing pauses. */
function useMatches(draft: Definition, range: { from: string; to: string }): (step: Step) => Match {
  const whole = [...draft.steps, ...(draft.exclusions ?? []).map((e) => e.step)].filter((s) => !stepError(s)).map((s) => JSON.stringify(s));
  const wanted = JSON.stringify([...new Set(whole)].slice(0, 16));
  const [paused, setPaused] = useState(wanted);
  useEffect(() => {
    const timer = setTimeout(() => setPaused(wanted), 400);
    return () => clearTimeout(timer);
  }, [wanted]);
  const steps = (JSON.parse(paused) as string[]).map((s) => JSON.parse(s) as Step);
  const counted = useQuery(steps.length > 0 ? `matches ${paused} ${range.from} ${range.to}` : null, async (signal) => {
    const { items } = await ask("post", "/api/v1/funnels/matches", { body: { steps, ...range }, signal });
    return new Map(items.map((item, i) => [JSON.stringify(steps[i]), item]));
  });
  return (step) => counted.data?.get(JSON.stringify(step)) ?? null;
}

function Rules({ draft, onChange }: { draft: Definition; onChange: (d: Definition) => void }) {
  const known = windows.some((w) => w.id === draft.window) ? windows : [...windows, { id: draft.window ?? "", label: draft.window ?? "" }];
  const breakdown = (id: string): Definition => {
    const { breakdown: _, ...rest } = draft;
    const chosen = dimensions.find((d) => d.id === id);
    return chosen ? { ...rest, breakdown: chosen.id } : rest;
  };
  return (
    <div class="rules">
      <Choice label="Order" value={draft.order ?? "sequential"} options={orders} onChange={(id) => onChange({ ...draft, order: orders.find((o) => o.id === id)?.id ?? "sequential" })} testid="order" />
      <Choice label="Within" value={draft.window ?? "336h"} options={known} onChange={(window) => onChange({ ...draft, window })} testid="window" />
      <Choice label="By the same" value={draft.scope ?? "visitor"} options={scopes} onChange={(id) => onChange({ ...draft, scope: scopes.find((s) => s.id === id)?.id ?? "visitor" })} testid="scope" />
      <Choice label="Slice by" value={draft.breakdown ?? ""} options={[{ id: "", label: "Nothing" }, ...dimensions]} onChange={(id) => onChange(breakdown(id))} testid="breakdown" />
    </div>
  );
}
