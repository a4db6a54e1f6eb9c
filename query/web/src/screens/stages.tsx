// The list of stages, edited in the Contacts Hub: own ones are added, renamed
// and removed; all are put in an order.
import { useRef, useState } from "preact/hooks";
import { ask } from "../api/client";
import { useQuery } from "../api/query";
import { plural } from "../format";
import { Dialog, ProblemNote, Skeleton } from "../ui/basics";
import { useSubmit } from "../ui/form";
import { Icon } from "../ui/icon";

interface Row {
  key: number;
  name: string;
  was: string; // "" for a new one
  builtIn: boolean;
  contacts: number | undefined;
}

/** The dialog. onClose tells whether something was saved. */
export function StageEditor({ onClose }: { onClose: (saved: boolean) => void }) {
  const [key] = useState(() => `stages counted ${Date.now()}`); // Not those of the last time.
  const stages = useQuery(key, (signal) => ask("get", "/api/v1/stages", { query: { count: true }, signal }));
  return (
    <Dialog title="Stages" onClose={() => onClose(false)} testid="stage-editor">
      <p class="hint">How far a contact has come. Everybody begins in the first. The built-in stages keep their names; between them there is room for your own.</p>
      {stages.problem && <ProblemNote problem={stages.problem} again={stages.reload} />}
      {!stages.data && !stages.problem && <Skeleton lines={5} />}
      {stages.data && !stages.loading && (
        <Editor
          start={stages.data.items
            .map((s, key) => ({ key, name: s.name, was: s.name, builtIn: s.built_in, contacts: s.contacts }))}
          onClose={onClose}
        />
      )}
    </Dialog>
  );
}

function Editor({ start, onClose }: { start: Row[]; onClose: (saved: boolean) => void }) {
  const [rows, setRows] = useState(start);
  const [removed, setRemoved] = useState<Row[]>([]);
  const [said, setSaid] = useState("");
  const list = useRef<HTMLOListElement>(null);
  const move = (i: number, by: number) => {
    const next = [...rows];
    const [row] = next.splice(i, 1);
    if (!row) return;
    next.splice(i + by, 0, row);
    setRows(next);
    setSaid(`${row.name || "New stage"} is now number ${i + by + 1} of ${next.length}.`);
  };
  const add = () => {
    setRows([...rows, { key: Math.max(0, ...rows.map((r) => r.key), ...removed.map((r) => r.key)) + 1, name: "", was: "", builtIn: false, contacts: 0 }]);
    // The field is there after the next frame.
    requestAnimationFrame(() => list.current?.querySelector<HTMLInputElement>("li:last-child input")?.focus());
  };
  const remove = (row: Row) => {
    setRows(rows.filter((r) => r !== row));
    if (row.was) setRemoved([...removed, row]);
  };
  const { problem, busy, onSubmit } = useSubmit(async () => {
    const items = rows.map((r) => ({ name: r.name.trim(), ...(r.was && r.was !== r.name.trim() ? { was: r.was } : {}) }));
    await ask("put", "/api/v1/stages", { body: { items } });
    onClose(true);
  });
  return (
    <form onSubmit={onSubmit}>
      <ol class="stage-list" ref={list} data-testid="stage-rows">
        {rows.map((r, i) => (
          <li key={r.key} data-name={r.name}>
            <span class="stage-name">
              {r.builtIn ? (
                r.name
              ) : (
                <input
                  type="text"
                  aria-label={r.was ? `Name of the stage ${r.was}` : "Name of the new stage"}
                  value={r.name}
                  required
                  pattern=".*\S.*"
                  maxLength={50}
                  onInput={(e) => setRows(rows.map((one) => (one === r ? { ...r, name: e.currentTarget.value } : one)))}
                  data-testid="stage-name"
                />
              )}
              <span class="sub">{[r.builtIn ? "Built in" : "", r.contacts === undefined || !r.was ? "" : plural(r.contacts, "contact")].filter(Boolean).join(", ")}</span>
            </span>
            <span class="stage-tools">
              <button type="button" class="button button-icon" disabled={i < 2} aria-label={`Move ${r.name || "the new stage"} up`} onClick={() => move(i, -1)} data-testid="stage-up">
                <Icon name="up" />
              </button>
              <button type="button" class="button button-icon" disabled={i === 0 || i === rows.length - 1} aria-label={`Move ${r.name || "the new stage"} down`} onClick={() => move(i, 1)} data-testid="stage-down">
                <Icon name="down" />
              </button>
              {!r.builtIn && (
                <button type="button" class="button button-icon" aria-label={`Remove ${r.name || "the new stage"}`} onClick={() => remove(r)} data-testid="stage-remove">
                  <Icon name="trash" />
                </button>
              )}
            </span>
          </li>
        ))}
      </ol>
      <p role="status" class="hidden">
        {said}
      </p>
      {removed.length > 0 && <Removed rows={removed} first={rows[0]?.name ?? ""} onBack={(row) => [setRemoved(removed.filter((r) => r !== row)), setRows([...rows, row])]} />}
      {problem && <ProblemNote problem={problem} />}
      <div class="dialog-actions">
        <button type="button" class="button stage-add" onClick={add} data-testid="stage-add">
          <Icon name="plus" />
          Add a stage
        </button>
        <button type="button" class="button" onClick={() => onClose(false)}>
          Cancel
        </button>
        <button type="submit" class="button button-main" disabled={busy} data-testid="stage-save">
          {busy ? "One moment…" : "Save"}
        </button>
      </div>
    </form>
  );
}

/** What will be gone, and who is in it. */
function Removed({ rows, first, onBack }: { rows: Row[]; first: string; onBack: (row: Row) => void }) {
  return (
    <div class="note" role="status" data-testid="stage-removed">
      <Icon name="warn" />
      <div>
        {rows.map((r) => (
          <p key={r.key}>
            {r.contacts
              ? `“${r.was}” will be removed, and ${plural(r.contacts, "contact is", "contacts are")} in it. They will be in “${first}” again.`
              : `“${r.was}” will be removed. No contact is in it.`}{" "}
            <button type="button" class="link" onClick={() => onBack(r)}>
              Keep it
            </button>
          </p>
        ))}
      </div>
    </div>
  );
}
