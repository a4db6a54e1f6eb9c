// The bar above reports: what they ask, in the address.
import { useGoals } from "../goals";
import { conversions, defaultLookback, lookbacks, models } from "../models";
import type { Common } from "../report";
import { setQuery } from "../url";
import { AsOfBanner, AsOfMenu } from "../ui/asof";
import { Choice, Empty } from "../ui/basics";
import { FilterChips, FilterMenu, LeaveOutMenu, applyFilters } from "../ui/filterbar";
import { SegmentMenu } from "../ui/segments";
import { Quiet } from "./waiting";

/** The models that credit a touch by itself: the others are told in Traffic only. */
const single = models.filter((m) => m.id !== "markov" && m.id !== "shapley");

/** The model of an address, or the default where the address names one of the others. */
export function singleModel(common: Common): Common["model"] {
  return single.some((m) => m.id === common.model) ? common.model : "last_touch";
}

/** Which conversions count: their kind, of each contact every one or the first, and how far back touches count. */
export function Counting({ common }: { common: Common }) {
  const goals = useGoals();
  const kinds = [...conversions, ...(goals.data?.items ?? []).map((g) => ({ id: g.name, label: g.name }))];
  if (!kinds.some((c) => c.id === common.conversion)) kinds.push({ id: common.conversion, label: common.conversion });
  return (
    <>
      <Choice label="Counting" value={common.conversion} options={kinds} onChange={(conversion) => setQuery({ conversion })} testid="conversion" />
      <Choice
        label="Of each contact"
        value={common.first_only ? "first" : ""}
        options={[
          { id: "", label: "Every conversion" },
          { id: "first", label: "The first only" },
        ]}
        onChange={(only) => setQuery({ only })}
        testid="first-only"
      />
      <Choice
        label="Lookback"
        value={common.lookback}
        options={lookbacks.map((l) => ({ id: l, label: l === "all" ? "All time" : l === "1" ? "1 day" : `${l} days` }))}
        onChange={(lookback) => setQuery({ lookback: lookback === defaultLookback ? null : lookback })}
        testid="lookback"
      />
    </>
  );
}

/** What narrows a report, and as of when it is told. */
export function Narrowing() {
  return (
    <>
      <FilterMenu />
      <SegmentMenu />
      <LeaveOutMenu />
      <AsOfMenu />
    </>
  );
}

/** The bar of Paths, Content and Locations; children stand within it. now: what they count as it is known now, whatever they are as of. */
export function ReportBar({ common, model, now, children }: { common: Common; model: boolean; now: string; children?: preact.ComponentChildren }) {
  return (
    <>
      <div class="bar bar-choices">
        <Narrowing />
        {children}
        {model && <Choice label="Model" value={singleModel(common)} options={single} onChange={(m) => setQuery({ model: m === "last_touch" ? null : m })} testid="model" />}
        <Counting common={common} />
      </div>
      <FilterChips exclusions />
      {common.as_of && <AsOfBanner moment={common.as_of}>{now}</AsOfBanner>}
    </>
  );
}

/** No row: nothing matches the filters, or nothing happened in these days, or ever. */
export function NoRows({ common, what }: { common: Common; what: string }) {
  if (common.filter.length > 0) {
    return (
      <Empty kind="nothing" title="Nothing matches">
        <p>No {what} in these days with these filters.</p>
        <button type="button" class="button" onClick={() => applyFilters([])} data-testid="clear-all">
          Clear filters
        </button>
      </Empty>
    );
  }
  return <Quiet text={`No ${what} in this period.`} conversions={what === "conversions" ? [common.conversion] : []} />;
}
