// Numbers as they were known on an earlier day: the control, and the words that
// say so.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { asOfText, readAsOf } from "../credits";
import { addDays, isDay, today } from "../dates";
import { zone } from "../session";
import { place, setQuery } from "../url";
import { Menu } from "./basics";
import { Icon } from "./icon";

/** The button that chooses the day. */
export function AsOfMenu() {
  const now = readAsOf(place.value.query);
  return (
    <Menu label={now ? `As of ${asOfText(now, zone())}` : "As of now"} testid="as-of-menu">
      {(close) => <Form now={now} onDone={close} />}
    </Menu>
  );
}

function Form({ now, onDone }: { now: string; onDone: () => void }) {
  const last = addDays(today(zone()), -1);
  const [day, setDay] = useState(isDay(now) ? now : last);
  const valid = isDay(day) && day <= last;
  const put = (as_of: string | null) => {
    setQuery({ as_of });
    onDone();
  };
  const submit = (e: Event) => {
    e.preventDefault();
    if (valid) put(day);
  };
  return (
    <form class="filter-form" onSubmit={submit}>
      <label>
        As known at the end of
        <input type="date" value={day} max={last} onInput={(e) => setDay(e.currentTarget.value)} data-testid="as-of-day" />
      </label>
      <p class="hint">Of conversions, later merges, late page views and changed rules are left out. Visits have no history: they are always counted as they are known now.</p>
      <button type="submit" class="button button-main" disabled={!valid} data-testid="as-of-apply">
        Show what was known
      </button>
      {now && (
        <button type="button" class="button" onClick={() => put(null)} data-testid="as-of-now">
          Back to now
        </button>
      )}
    </form>
  );
}

/** Says that the numbers are those of an earlier day, and which are not. */
export function AsOfBanner({ moment, children }: { moment: string; children: ComponentChildren }) {
  return (
    <div class="note note-then" role="status" data-testid="known-as-of">
      <Icon name="clock" />
      <div>
        <strong>Numbers as they were known at {asOfText(moment, zone())}.</strong>
        <p>{children}</p>
      </div>
      <button type="button" class="button" onClick={() => setQuery({ as_of: null })}>
        Back to now
      </button>
    </div>
  );
}
