// Saved funnels: the list, and the buttons that save.
import { useState } from "preact/hooks";
import { ask, Problem, type Schemas } from "../api/client";
import { encode, stepLabel, type Definition } from "../funnel";
import { ago } from "../format";
import { may, zone } from "../session";
import { changed, hrefOf, place, setQuery } from "../url";
import { Ask } from "../ui/ask";
import { Dialog, Empty, Link, ProblemNote, Skeleton } from "../ui/basics";
import { useAct, useSubmit } from "../ui/form";
import { Icon } from "../ui/icon";
import { rulesText, withoutDraft } from "./funneldraft";

type Funnel = Schemas["Funnel"];

/** The list of saved funnels; each is a link to itself. */
export function SavedFunnels({ items, problem, onChange }: { items: Funnel[] | undefined; problem: Problem | undefined; onChange: () => void }) {
  const [leaving, setLeaving] = useState<Funnel | null>(null);
  return (
    <section class="panel" aria-label="Saved funnels">
      <header class="panel-head">
        <h2>Saved funnels</h2>
      </header>
      {problem && <ProblemNote problem={problem} again={onChange} />}
      {!items && !problem && <Skeleton lines={4} />}
      {items?.length === 0 && (
        <Empty kind="nothing" title="No funnel is saved yet">
          <p>Press New funnel, say which steps lead to the chat, run it and save it: everybody in the workspace finds it here then.</p>
        </Empty>
      )}
      <ul class="saved" data-testid="saved-funnels">
        {items?.map((f) => (
          <li key={f.id}>
            <Link href={hrefOf("/funnels", changed(place.value.query, { ...withoutDraft, q: encode(f.definition), funnel: f.id }))}>
              <strong>{f.name}</strong>
              <span class="sub">{f.definition.steps.map(stepLabel).join(" → ")}</span>
              <span class="sub">
                {rulesText(f.definition)}. Changed {ago(f.updated_at, zone())}.
              </span>
            </Link>
            {may("editor") && (
              <button type="button" class="button button-icon" aria-label={`Delete ${f.name}`} onClick={() => setLeaving(f)}>
                <Icon name="trash" />
              </button>
            )}
          </li>
        ))}
      </ul>
      {leaving && (
        <DeleteFunnel
          funnel={leaving}
          onClose={(gone) => {
            setLeaving(null);
            if (gone) onChange();
          }}
        />
      )}
    </section>
  );
}

function DeleteFunnel({ funnel, onClose }: { funnel: Funnel; onClose: (gone: boolean) => void }) {
  return (
    <Ask
      title={`Delete “${funnel.name}”?`}
      text="Only the saved question goes, for everybody in the workspace. No data is deleted."
      label="Delete"
      keep="Keep it"
      act={() => ask("delete", "/api/v1/funnels/{id}", { path: { id: funnel.id } })}
      onDone={() => onClose(true)}
      onClose={() => onClose(false)}
    />
  );
}

/** Saves the funnel that is open, or a new one under a name. */
export function SaveFunnel({ definition, open, onSaved }: { definition: Definition; open: Funnel | undefined; onSaved: () => void }) {
  const [naming, setNaming] = useState(false);
  const { problem, busy, act } = useAct();
  const replace = (funnel: Funnel) =>
    act(async () => {
      await ask("put", "/api/v1/funnels/{id}", { path: { id: funnel.id }, body: { name: funnel.name, definition } });
      setQuery({ q: encode(definition) }, "replace");
      onSaved();
    });
  return (
    <>
      {open && encode(open.definition) !== encode(definition) && (
        <button type="button" class="button" disabled={busy} onClick={() => void replace(open)} data-testid="save">
          <Icon name="save" />
          Save
        </button>
      )}
      <button type="button" class="button" onClick={() => setNaming(true)} data-testid="save-as">
        <Icon name="save" />
        {open ? "Save as new" : "Save"}
      </button>
      {problem && <ProblemNote problem={problem} />}
      {naming && (
        <NameFunnel
          definition={definition}
          onClose={(funnel) => {
            setNaming(false);
            if (!funnel) return;
            setQuery({ q: encode(funnel.definition), funnel: funnel.id }, "replace");
            onSaved();
          }}
        />
      )}
    </>
  );
}

function NameFunnel({ definition, onClose }: { definition: Definition; onClose: (saved: Funnel | null) => void }) {
  const { problem, busy, onSubmit } = useSubmit(async (typed) => onClose(await ask("post", "/api/v1/funnels", { body: { name: typed("name"), definition } })));
  return (
    <Dialog title="Save this funnel" onClose={() => onClose(null)}>
      <form onSubmit={onSubmit}>
        {problem && <ProblemNote problem={problem} />}
        <label>
          Name
          <input name="name" type="text" required maxLength={120} placeholder="Pricing to chat" data-testid="funnel-name" />
        </label>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={() => onClose(null)}>
            Cancel
          </button>
          <button type="submit" class="button button-main" disabled={busy} data-testid="funnel-save">
            {busy ? "One moment…" : "Save"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
