// Segments: filters under a name, to be put into force at once and to be kept.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { formatFilter, parseFilter, readFilters, type Filter } from "../filters";
import { plural } from "../format";
import { may } from "../session";
import { place } from "../url";
import { Menu, ProblemNote, Skeleton } from "./basics";
import { applyFilters } from "./filterbar";
import { useAct } from "./form";
import { Icon } from "./icon";

type Segment = Schemas["Segment"];

/** The button that offers segments. */
export function SegmentMenu() {
  return (
    <Menu label="Segments" testid="segments">
      {(close) => <Segments onDone={close} />}
    </Menu>
  );
}

function Segments({ onDone }: { onDone: () => void }) {
  const saved = useQuery("segments", (signal) => ask("get", "/api/v1/segments", { signal }));
  const { problem, busy, act } = useAct();
  const items = saved.data?.items ?? [];
  const change = (what: () => Promise<unknown>) =>
    act(async () => {
      await what();
      saved.reload();
    });
  return (
    <div class="filter-form" data-testid="segment-list">
      {saved.problem && <ProblemNote problem={saved.problem} again={saved.reload} />}
      {problem && <ProblemNote problem={problem} />}
      {!saved.data && saved.loading && <Skeleton lines={2} />}
      {saved.data && items.length === 0 && <p class="hint">None yet. Filter the numbers, then keep the filters here under a name.</p>}
      <ul class="segments" aria-label="Segments">
        {items.map((s) => (
          <li key={s.id}>
            <button type="button" class="link" onClick={() => (applyFilters(filtersOf(s)), onDone())} data-testid="segment">
              {s.name} <span class="hint">{plural(s.filters.length, "filter")}</span>
            </button>
            {may("editor") && (
              <button type="button" class="button button-icon" disabled={busy} aria-label={`Forget the segment ${s.name}`} onClick={() => void change(() => ask("delete", "/api/v1/segments/{id}", { path: { id: s.id } }))} data-testid="segment-delete">
                <Icon name="close" />
              </button>
            )}
          </li>
        ))}
      </ul>
      {may("editor") && <Keep filters={readFilters(place.value.query)} busy={busy} keep={(body) => change(() => ask("post", "/api/v1/segments", { body }))} />}
    </div>
  );
}

/** What of a segment this dashboard knows. */
function filtersOf(s: Segment): Filter[] {
  return s.filters.flatMap((text) => parseFilter(text) ?? []);
}

/** The form that keeps the filters in force; keep tells whether they are kept. */
function Keep({ filters, busy, keep }: { filters: Filter[]; busy: boolean; keep: (body: Schemas["SegmentInput"]) => Promise<boolean> }) {
  const [name, setName] = useState("");
  if (filters.length === 0) return null;
  const submit = (e: Event) => {
    e.preventDefault();
    if (name.trim()) void keep({ name: name.trim(), filters: filters.map(formatFilter) }).then((kept) => kept && setName(""));
  };
  return (
    <form class="filter-form" onSubmit={submit}>
      <label>
        Keep the filters in force as
        <input type="text" value={name} onInput={(e) => setName(e.currentTarget.value)} maxLength={100} placeholder="Paid visitors" data-testid="segment-name" />
      </label>
      <button type="submit" class="button button-main" disabled={busy || !name.trim()} data-testid="segment-save">
        Save segment
      </button>
    </form>
  );
}
