// The period of a report, and what it is compared with.
import { useEffect, useState } from "preact/hooks";
import { isDay, presets, rangeLabel, readPeriod, today, type Period } from "../dates";
import { zone } from "../session";
import { remember, remembered } from "../preferences";
import { place, setQuery } from "../url";
import { Menu } from "./basics";

/** The period that the address names. */
export function period(): Period {
  return readPeriod(place.value.query, today(zone()));
}

/** Puts a preset into the address and remembers it for the next report. */
export function choosePreset(id: string): void {
  remember("period", id);
  setQuery({ period: id, from: null, to: null });
}

/** Makes the address name a period: the last one chosen, when a report is opened without. */
export function usePeriod(): Period {
  const named = place.value.query.has("period") || place.value.query.has("from");
  useEffect(() => {
    const last = remembered("period");
    if (!named && last) setQuery({ period: last }, "replace");
  }, [named]);
  return period();
}

/** The menu of periods. */
export function PeriodMenu() {
  const now = period();
  const label = presets.find((p) => p.id === now.preset)?.label ?? rangeLabel(now.range);
  return (
    <Menu label={label} icon="clock" testid="period">
      {(close) => (
        <div class="period">
          <ul class="options">
            {presets.map((p) => (
              <li key={p.id}>
                <button
                  type="button"
                  aria-pressed={p.id === now.preset}
                  data-testid={`period-${p.id}`}
                  onClick={() => {
                    choosePreset(p.id);
                    close();
                  }}
                >
                  {p.label}
                  <kbd>{p.key.toUpperCase()}</kbd>
                </button>
              </li>
            ))}
          </ul>
          <OwnDays from={now.range.from} to={now.range.to} onDone={close} />
        </div>
      )}
    </Menu>
  );
}

function OwnDays(props: { from: string; to: string; onDone: () => void }) {
  const [from, setFrom] = useState(props.from);
  const [to, setTo] = useState(props.to);
  const valid = isDay(from) && isDay(to) && from <= to;
  const submit = (e: Event) => {
    e.preventDefault();
    if (!valid) return;
    setQuery({ period: null, from, to });
    props.onDone();
  };
  return (
    <form class="own-days" onSubmit={submit}>
      <label>
        From
        <input type="date" value={from} max={to} onInput={(e) => setFrom(e.currentTarget.value)} data-testid="period-from" />
      </label>
      <label>
        To
        <input type="date" value={to} min={from} onInput={(e) => setTo(e.currentTarget.value)} data-testid="period-to" />
      </label>
      <button type="submit" class="button button-main" disabled={!valid} data-testid="period-apply">
        Show these days
      </button>
    </form>
  );
}
