// Settings: the workspace, API keys, and how the dashboard behaves here.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { ago, capital, date } from "../format";
import { setShortcuts, setTheme, shortcuts, theme } from "../preferences";
import { may, session, zone, type Role } from "../session";
import { Ask } from "../ui/ask";
import { Choice, Head, ProblemNote, Skeleton } from "../ui/basics";
import { Field, Fields } from "../ui/fields";
import { useSubmit } from "../ui/form";
import { Icon } from "../ui/icon";
import { Once } from "../ui/once";
import { Erasures } from "./erasures";
import { Sessions } from "./sessions";

type Key = Schemas["Key"];

/** The screen at /settings. */
export function Settings() {
  return (
    <>
      <Head title="Settings" />
      <Workspace />
      <Sessions />
      {may("admin") && <Keys />}
      {may("admin") && <Erasures />}
      <Here />
    </>
  );
}

function Workspace() {
  const now = session.value;
  if (!now) return null;
  return (
    <section class="panel" aria-label="Workspace">
      <header class="panel-head">
        <h2>Workspace</h2>
      </header>
      <Fields>
        <Field name="name" label="Name" value={now.workspace.name} />
        <Field name="zone" label="Time zone" value={now.workspace.zone} />
        <Field name="currency" label="Currency" value={now.workspace.currency} />
        <Field name="site_key" label="Site key" value={now.workspace.site_key} />
        <Field name="user" label="You" value={`${now.user.email || now.user.name} (${capital(now.role)})`} />
      </Fields>
    </section>
  );
}

function Keys() {
  const keys = useQuery("keys", (signal) => ask("get", "/api/v1/keys", { signal }));
  const [leaving, setLeaving] = useState<Key | null>(null);
  const [fresh, setFresh] = useState<Schemas["NewKey"] | null>(null);
  return (
    <section class="panel" aria-label="API keys">
      <header class="panel-head">
        <h2>API keys</h2>
      </header>
      <p class="hint">Programs send a key as “Authorization: Bearer …”. A key belongs to this workspace alone.</p>
      {fresh && <Once title={`Copy “${fresh.key.name}” now.`} text="It is not kept here and cannot be shown again." secret={fresh.secret} testid="secret" onClose={() => setFresh(null)} />}
      <NewKey
        onMade={(made) => {
          setFresh(made);
          keys.reload();
        }}
      />
      {keys.problem && <ProblemNote problem={keys.problem} again={keys.reload} />}
      {!keys.data && keys.loading && <Skeleton lines={3} />}
      {keys.data && keys.data.items.length > 0 && <KeyTable items={keys.data.items} onDelete={setLeaving} />}
      {leaving && (
        <DeleteKey
          of={leaving}
          onClose={(gone) => {
            setLeaving(null);
            if (gone) keys.reload();
          }}
        />
      )}
    </section>
  );
}

function KeyTable({ items, onDelete }: { items: Key[]; onDelete: (k: Key) => void }) {
  return (
    <div class="table-box" role="region" aria-label="Table of API keys" tabIndex={0}>
      <table class="table table-small" data-testid="keys">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Role</th>
            <th scope="col">Begins with</th>
            <th scope="col">Made</th>
            <th scope="col">Last used</th>
            <th scope="col">
              <span class="hidden">Delete</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((k) => (
            <tr key={k.id}>
              <th scope="row">{k.name}</th>
              <td>{capital(k.role)}</td>
              <td>
                <code>{k.hint}…</code>
              </td>
              <td>{date(k.created_at, zone())}</td>
              <td>{k.last_used_at ? ago(k.last_used_at, zone()) : "Never"}</td>
              <td class="number">
                <button type="button" class="button button-icon" aria-label={`Delete the key ${k.name}`} onClick={() => onDelete(k)}>
                  <Icon name="trash" />
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const roles = [
  { id: "viewer", label: "Viewer: reads" },
  { id: "editor", label: "Editor: funnels, stages, conversions" },
  { id: "admin", label: "Admin: everything" },
] as const;

function NewKey({ onMade }: { onMade: (made: Schemas["NewKey"]) => void }) {
  const [role, setRole] = useState<Role>("viewer");
  const { problem, busy, onSubmit } = useSubmit(async (typed, form) => {
    onMade(await ask("post", "/api/v1/keys", { body: { name: typed("name"), role } }));
    form.reset();
  });
  return (
    <form class="new-key" onSubmit={onSubmit}>
      {problem && <ProblemNote problem={problem} />}
      <label>
        What it is for
        <input name="name" type="text" required maxLength={100} placeholder="Warehouse import" data-testid="key-name" />
      </label>
      <Choice label="Role" value={role} options={roles} onChange={(id) => setRole(id as Role)} testid="key-role" />
      <button type="submit" class="button button-main" disabled={busy} data-testid="make-key">
        {busy ? "One moment…" : "Make a key"}
      </button>
    </form>
  );
}

function DeleteKey({ of, onClose }: { of: Key; onClose: (gone: boolean) => void }) {
  return (
    <Ask
      title={`Delete the key “${of.name}”?`}
      text="Programs that use it are refused within a second. This cannot be undone, but a new key can be made."
      label="Delete"
      keep="Keep it"
      act={() => ask("delete", "/api/v1/keys/{id}", { path: { id: of.id } })}
      onDone={() => onClose(true)}
      onClose={() => onClose(false)}
    />
  );
}

function Here() {
  return (
    <section class="panel" aria-label="This browser">
      <header class="panel-head">
        <h2>In this browser</h2>
      </header>
      <div class="here">
        <Choice
          label="Appearance"
          value={theme.value}
          options={[
            { id: "", label: "As the system" },
            { id: "light", label: "Light" },
            { id: "dark", label: "Dark" },
          ]}
          onChange={setTheme}
          testid="theme"
        />
        <label class="tick-box">
          <input type="checkbox" checked={shortcuts.value} onChange={(e) => setShortcuts(e.currentTarget.checked)} data-testid="shortcuts" />
          Single keys do things (press ? for the list)
        </label>
      </div>
    </section>
  );
}
