// Funnels: build one, run it, slice it, keep it.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/client";
import { useQuery } from "../api/query";
import { dimensions } from "../filters";
import { decode, encode, firstDefinition, isComplete, windows, type Definition } from "../funnel";
import { may } from "../session";
import { place, setQuery } from "../url";
import { Choice, Empty, Head, ProblemNote, Skeleton } from "../ui/basics";
import { PeriodMenu, usePeriod } from "../ui/periodbar";
import { FunnelReport } from "./funnelreport";
import { SavedFunnels, SaveFunnel } from "./funnelsaved";
import { Steps } from "./funnelsteps";

const scopes = [
  { id: "visitor", label: "Visitor" },
  { id: "session", label: "Session" },
  { id: "contact", label: "Contact" },
] as const;

/** The screen at /funnels: the funnel is in the address as "q", a saved one's id as "funnel". */
export function Funnels() {
  const named = place.value.query.get("q");
  const asked = decode(named);
  const { range } = usePeriod();
  const [draft, setDraft] = useState<Definition>(asked ?? firstDefinition);
  useEffect(() => {
    if (asked) setDraft(asked);
  }, [named]);
  const saved = useQuery("funnels", (signal) => ask("get", "/api/v1/funnels", { signal }));
  const query = asked && isComplete(asked) ? { ...asked, ...range } : null;
  const report = useQuery(query && `funnel ${JSON.stringify(query)}`, (signal) => ask("post", "/api/v1/funnels/query", { body: query!, signal }));
  const differs = !asked || encode(asked) !== encode(draft);
  const run = (definition: Definition) => setQuery({ q: encode(definition) });
  const open = saved.data?.items.find((f) => f.id === place.value.query.get("funnel"));
  return (
    <>
      <Head title={open ? open.name : "Funnels"}>
        <PeriodMenu />
      </Head>
      <div class="funnels">
        <section class="panel builder" aria-label="Funnel builder">
          <Steps steps={draft.steps} onChange={(steps) => setDraft({ ...draft, steps })} />
          <Rules draft={draft} onChange={setDraft} />
          <div class="actions">
            <button type="button" class="button button-main" disabled={!isComplete(draft)} onClick={() => (differs ? run(draft) : report.reload())} data-testid="run">
              {differs ? "Run" : "Run again"}
            </button>
            {may("editor") && <SaveFunnel definition={draft} open={open} onSaved={saved.reload} />}
          </div>
        </section>
        <div class="funnel-side">
          {report.problem && <ProblemNote problem={report.problem} again={report.reload} />}
          {query && !report.data && report.loading && (
            <section class="panel">
              <Skeleton lines={9} />
            </section>
          )}
          {query && report.data && asked && <FunnelReport definition={asked} report={report.data} stale={report.loading} />}
          {!query && (
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

function Rules({ draft, onChange }: { draft: Definition; onChange: (d: Definition) => void }) {
  const known = windows.some((w) => w.id === draft.window) ? windows : [...windows, { id: draft.window ?? "", label: draft.window ?? "" }];
  const breakdown = (id: string): Definition => {
    const { breakdown: _, ...rest } = draft;
    const chosen = dimensions.find((d) => d.id === id);
    return chosen ? { ...rest, breakdown: chosen.id } : rest;
  };
  return (
    <div class="rules">
      <Choice label="Within" value={draft.window ?? "336h"} options={known} onChange={(window) => onChange({ ...draft, window })} testid="window" />
      <Choice label="By the same" value={draft.scope ?? "visitor"} options={scopes} onChange={(id) => onChange({ ...draft, scope: scopes.find((s) => s.id === id)?.id ?? "visitor" })} testid="scope" />
      <Choice label="Slice by" value={draft.breakdown ?? ""} options={[{ id: "", label: "Nothing" }, ...dimensions]} onChange={(id) => onChange(breakdown(id))} testid="breakdown" />
    </div>
  );
}
