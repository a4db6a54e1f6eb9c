// The bar above Paths, Content and Locations: what they ask, in the address.
import { useGoals } from "../goals";
import { conversions, defaultLookback, lookbacks, models } from "../models";
import { setQuery } from "../url";
import { Choice, Empty } from "../ui/basics";
import { FilterChips, FilterMenu, applyFilters } from "../ui/filterbar";
import { choosePreset } from "../ui/periodbar";
import { defaultPreset } from "../dates";
import type { useReport } from "./traffic";

type Common = ReturnType<typeof useReport>["common"];

/** The models that credit a touch by itself: the others are told in Traffic only. */
const single = models.filter((m) => m.id !== "markov" && m.id !== "shapley");

/** The model of an address, or the default where the address names one of the others. */
export function singleModel(common: Common): Common["model"] {
  return single.some((m) => m.id === common.model) ? common.model : "last_touch";
}

/** Filters, what is counted, and how; children stand before them. */
export function ReportBar({ common, model, children }: { common: Common; model: boolean; children?: preact.ComponentChildren }) {
  const goals = useGoals();
  const counted = [...conversions, ...(goals.data?.items ?? []).map((g) => ({ id: g.name, label: g.name }))];
  if (!counted.some((c) => c.id === common.conversion)) counted.push({ id: common.conversion, label: common.conversion });
  return (
    <>
      <div class="bar">
        <FilterMenu />
        {children}
        {model && <Choice label="Model" value={singleModel(common)} options={single} onChange={(m) => setQuery({ model: m === "last_touch" ? null : m })} testid="model" />}
        <Choice label="Counting" value={common.conversion} options={counted} onChange={(conversion) => setQuery({ conversion })} testid="conversion" />
        <Choice
          label="Lookback"
          value={common.lookback}
          options={lookbacks.map((l) => ({ id: l, label: l === "all" ? "All time" : l === "1" ? "1 day" : `${l} days` }))}
          onChange={(lookback) => setQuery({ lookback: lookback === defaultLookback ? null : lookback })}
          testid="lookback"
        />
      </div>
      <FilterChips />
    </>
  );
}

/** No row: nothing matches the filters, or nothing happened in these days. */
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
  return (
    <Empty kind="nothing" title="Nothing in these days">
      <p>No {what} in this period.</p>
      <button type="button" class="button" onClick={() => choosePreset(defaultPreset)} data-testid="more-days">
        Show the last 30 days
      </button>
    </Empty>
  );
}
