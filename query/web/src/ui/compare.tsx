// Numbers beside those of other days: the control, and changes in words and in
// tables.
import { addDays, length, rangeLabel } from "../dates";
import { change, count, plural } from "../format";
import { comparisons, type Compared } from "../report";
import { setQuery } from "../url";
import { Choice } from "./basics";
import { period } from "./periodbar";

/** Chooses what is compared with. always: it cannot be nothing. */
export function Compare({ now, always = false }: { now: Compared; always?: boolean }) {
  const choose = (id: string) => {
    const { range } = period();
    const days = length(range);
    const own = id === "custom" ? { before_from: addDays(range.from, -days), before_to: addDays(range.from, -1) } : { before_from: null, before_to: null };
    setQuery({ compare: id === "none" ? null : id, ...own });
  };
  return (
    <>
      <Choice label="Compare with" quiet value={now.compare} options={always ? comparisons.filter((c) => c.id !== "none") : comparisons} onChange={choose} testid="compare" />
      {now.compare === "custom" && (
        <span class="choice before-days">
          <input type="date" aria-label="First day compared with" value={now.compare_from} max={now.compare_to} onChange={(e) => setQuery({ before_from: e.currentTarget.value })} data-testid="before-from" />
          <input type="date" aria-label="Last day compared with" value={now.compare_to} min={now.compare_from} onChange={(e) => setQuery({ before_to: e.currentTarget.value })} data-testid="before-to" />
        </span>
      )}
    </>
  );
}

const direction = (now: number, before: number) => (now > before ? "up" : now < before ? "downward" : "");

/** A change in short: "+12%"; "new" where nothing was before. */
export function changeText(now: number, before: number): string {
  return before === 0 && now > 0 ? "new" : change(before === 0 ? 0 : (now - before) / before);
}

/** The cell of a table with the change of a number. */
export function Changed({ now, before, column = "previous_conversions" }: { now: number; before: number; column?: string }) {
  return (
    <td class={`number ${direction(now, before)}`} data-column={column} data-value={before} title={`${count(before)} before`}>
      {changeText(now, before)}
    </td>
  );
}

/** All conversions beside those of the days compared with, in words. */
export function ChangeWords({ now, before, testid }: { now: number; before: { from: string; to: string; total: number }; testid: string }) {
  const changed = before.total === 0 && now > 0 ? "none" : `${plural(before.total, "conversion")} (${changeText(now, before.total)} since)`;
  return (
    <p class="attributed" data-testid={testid} data-before={before.total}>
      {rangeLabel(before)}: <span class={direction(now, before.total)}>{changed}</span>
    </p>
  );
}
