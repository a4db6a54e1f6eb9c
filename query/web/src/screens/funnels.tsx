// Funnels: build one, run it, slice it, keep it.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/client";
import { useQuery } from "../api/query";
import { dimensions } from "../filters";
import { decode, encode, firstDefinition, fitted, isComplete, orders, stepError, windows, type Definition, type Step } from "../funnel";
import { may } from "../session";
import { hrefOf, place, setQuery } from "../url";
import { Choice, Copy, Empty, Head } from "../ui/basics";
import { PeriodMenu, usePeriod } from "../ui/periodbar";
import { FunnelTabs, readTab } from "./funneltabs";
import { SavedFunnels, SaveFunnel } from "./funnelsaved";
import { Exclusions, Steps, type Match } from "./funnelsteps";

const scopes = [
  { id: "visitor", label: "Visitor" },
  { id: "session", label: "Session" },
  { id: "contact", label: "Contact" },
] as const;

/** The screen at /funnels: the funnel is in the address as "q", a saved one's id as "funnel", the open report as "tab". */
export function Funnels() {
  const named = place.value.query.get("q");
  const asked = decode(named);
  const { range } = usePeriod();
  const [draft, setDraft] = useState<Definition>(asked ?? firstDefinition);
  useEffect(() => {
    if (asked) setDraft(asked);
  }, [named]);
  const change = (d: Definition) => setDraft(fitted(d));
  const saved = useQuery("funnels", (signal) => ask("get", "/api/v1/funnels", { signal }));
  const matches = useMatches(draft, range);
  const [runs, setRuns] = useState(0);
  const differs = !asked || encode(asked) !== encode(draft);
  const run = () => (differs ? setQuery({ q: encode(draft), step: null, key: null }) : setRuns(runs + 1));
  const open = saved.data?.items.find((f) => f.id === place.value.query.get("funnel"));
  return (
    <>
      <Head title={open ? open.name : "Funnels"}>
        <Choice label="Compare" value={readCompare()} options={comparisons} onChange={(compare) => setQuery({ compare: compare === "none" ? null : compare })} testid="compare" />
        <PeriodMenu />
      </Head>
      <div class="funnels">
        <section class="panel builder" aria-label="Funnel builder">
          <Steps steps={draft.steps} matches={draft.steps.map(matches)} onChange={(steps) => change({ ...draft, steps })} />
          <Exclusions
            list={draft.exclusions ?? []}
            steps={draft.steps.length}
            matches={(draft.exclusions ?? []).map((e) => matches(e.step))}
            onChange={(exclusions) => change({ ...draft, exclusions })}
          />
          <Rules draft={draft} onChange={setDraft} />
          <div class="actions">
            <button type="button" class="button button-main" disabled={!isComplete(draft)} onClick={run} data-testid="run">
              {differs ? "Run" : "Run again"}
            </button>
            {may("editor") && <SaveFunnel definition={draft} open={open} onSaved={saved.reload} />}
            {!differs && <Copy text={location.origin + hrefOf(place.value.path, place.value.query)} label="Copy link" testid="share" />}
          </div>
        </section>
        <div class="funnel-side">
          {asked && isComplete(asked) ? (
            <FunnelTabs key={runs} definition={asked} range={range} compare={readCompare()} tab={readTab()} />
          ) : (
            <Empty kind="nothing" title="Nothing was asked yet">
              <p>Say which steps lead to the chat, and press Run. The address then holds the funnel, so that you can share it.</p>
            </Empty>
          )}
          <SavedFunnels items={saved.data?.items} problem={saved.problem} onChange={saved.reload} />
        </div>
      </div>
    </>
  );
}

const comparisons = [
  { id: "none", label: "Nothing" },
  { id: "previous", label: "Previous period" },
  { id: "year", label: "Year before" },
] as const;

const readCompare = () => comparisons.find((c) => c.id === place.value.query.get("compare"))?.id ?? "none";

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
