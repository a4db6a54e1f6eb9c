// Funnels: the saved ones, and the report of one; either with the builder over it.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { decode, encode, isComplete, stepLabel, type Definition } from "../funnel";
import { may } from "../session";
import { changed, hrefOf, place } from "../url";
import { Copy, Head, Link } from "../ui/basics";
import { Icon } from "../ui/icon";
import { PeriodMenu, usePeriod } from "../ui/periodbar";
import { FunnelDrawer, hrefOfBuilder, openers, rulesText, Unfinished, withoutDraft } from "./funneldraft";
import { FunnelTabs, readTab } from "./funneltabs";
import { SavedFunnels, SaveFunnel } from "./funnelsaved";

/** The screen at /funnels: the funnel is in the address as "q", a saved one's id as "funnel", the open report as "tab", the open builder as "edit". */
export function Funnels() {
  const q = place.value.query;
  const read = decode(q.get("q"));
  const asked = read && isComplete(read) ? read : null;
  const { range } = usePeriod();
  const saved = useQuery("funnels", (signal) => ask("get", "/api/v1/funnels", { signal }));
  const [runs, setRuns] = useState(0);
  const open = saved.data?.items.find((f) => f.id === q.get("funnel"));
  return (
    <>
      {asked ? (
        <>
          <ReportHead definition={asked} open={open} onSaved={saved.reload} />
          <FunnelTabs key={runs} definition={asked} range={range} tab={readTab()} />
        </>
      ) : (
        <>
          <ListHead />
          <SavedFunnels items={saved.data?.items} problem={saved.problem} onChange={saved.reload} />
        </>
      )}
      {q.get("edit") && <FunnelDrawer asked={asked} range={range} again={() => setRuns(runs + 1)} />}
    </>
  );
}

function ListHead() {
  return (
    <>
      <Head title="Funnels">
        <PeriodMenu />
        <Link href={hrefOfBuilder()} class="button button-main" data-opens={openers.new} data-testid="new-funnel">
          <Icon name="plus" />
          New funnel
        </Link>
      </Head>
      <Unfinished />
      <p class="hint">How many get from step to step, such as from the first page to the chat, and what those who do have in common.</p>
    </>
  );
}

function ReportHead({ definition, open, onSaved }: { definition: Definition; open: Schemas["Funnel"] | undefined; onSaved: () => void }) {
  const list = hrefOf("/funnels", changed(place.value.query, { ...withoutDraft, q: null, funnel: null, tab: null }));
  return (
    <>
      <Head title={open?.name ?? "Unsaved funnel"}>
        <PeriodMenu />
        <Link href={hrefOfBuilder()} class="button button-main" data-opens={openers.edit} data-testid="edit-steps">
          Edit steps
        </Link>
      </Head>
      <div class="bar funnel-bar">
        <Link href={list} data-testid="all-funnels">
          ‹ All funnels
        </Link>
        <div class="funnel-said">
          <ol class="path" aria-label="Steps">
            {definition.steps.map((s, i) => (
              <li key={i}>
                <bdi>{stepLabel(s)}</bdi>
              </li>
            ))}
          </ol>
          <span class="sub">{rulesText(definition)}</span>
        </div>
        <div class="actions">
          {may("editor") && <SaveFunnel definition={definition} open={open} onSaved={onSaved} />}
          <Copy text={location.origin + hrefOf(place.value.path, changed(place.value.query, { ...withoutDraft, q: encode(definition) }))} label="Copy link" testid="share" />
        </div>
      </div>
      <Unfinished />
    </>
  );
}
