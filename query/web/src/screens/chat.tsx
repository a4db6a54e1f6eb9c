// Setup → Chat: the cards of the chat connections.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { forget, useQuery } from "../api/query";
import { ago, dateTime } from "../format";
import { may, zone } from "../session";
import { Ask } from "../ui/ask";
import { Head, Link, ProblemNote, Skeleton } from "../ui/basics";
import { Checks } from "../ui/checks";
import { CleanUp } from "../ui/cleanup";
import { useAct } from "../ui/form";
import { Icon } from "../ui/icon";
import { Doctor } from "./doctor";

type Connection = Schemas["Connection"];

/** The screen at /setup/chat. Asked often, since the card follows the provider's answer. */
export function Chat() {
  const list = useQuery("connections", (signal) => ask("get", "/api/v1/connections", { signal }), 3_000);
  return (
    <>
      <Head title="Chat" />
      <p class="lead">
        Connect the chat on your site. Every conversation in which somebody gives an email or a phone becomes a <Link href="/contacts">contact</Link> with its source and journey.
      </p>
      <section aria-labelledby="oauth">
        <h2 id="oauth">OAuth chat integrations</h2>
        {list.problem && <ProblemNote problem={list.problem} again={list.reload} />}
        {!list.data && list.loading && <Skeleton lines={5} />}
        <div class="cards">
          {list.data?.items.map((c) => (
            <Card
              key={c.provider}
              connection={c}
              onChange={() => {
                forget();
                list.reload();
              }}
            />
          ))}
        </div>
      </section>
    </>
  );
}

/** What is written at the provider, and nothing else. */
const written: Record<Connection["provider"], string> = { intercom: "contact attribute, sourceloop_id", hubspot: "contact property, sourceloop_id" };

const states: Record<Connection["state"], { label: string; text: (c: Connection) => string }> = {
  connected: { label: "Connected", text: () => "" },
  pending: { label: "Pending", text: (c) => `${c.name} has been asked. This takes a few seconds; the card changes by itself.` },
  error: { label: "Error", text: () => "" },
  disconnected: {
    label: "Not connected",
    text: (c) => c.unavailable || `You need to be an admin of the ${c.name} workspace. It works on every plan, and nothing there changes except one ${written[c.provider]}.`,
  },
};

function Card({ connection: c, onChange }: { connection: Connection; onChange: () => void }) {
  const [asking, setAsking] = useState(false);
  const [cleanUp, setCleanUp] = useState<string[] | null>(null);
  const state = states[c.state];
  const text = state.text(c);
  return (
    <article class="card connection" aria-label={c.name} data-testid={`connection-${c.provider}`} data-state={c.state}>
      <header>
        <span class={`provider provider-${c.provider}`} aria-hidden="true">
          <Icon name="chat" />
        </span>
        <div>
          <h3>{c.name}</h3>
          {c.workspace_name && (
            <p class="sub" data-field="workspace_name">
              {c.workspace_name}
            </p>
          )}
        </div>
        <span class={`state state-${c.state}`} data-testid="state">
          {state.label}
        </span>
      </header>
      {text && <p>{text}</p>}
      {c.last_error && (
        <div class="note note-bad" data-field="last_error">
          <Icon name="warn" />
          <p>{c.last_error}</p>
        </div>
      )}
      {(c.state === "connected" || c.state === "error") && <Facts connection={c} />}
      {c.state !== "disconnected" && c.backfill && <Import backfill={c.backfill} />}
      <Actions connection={c} onChange={onChange} onDisconnect={() => setAsking(true)} />
      <Doctor connection={c} />
      {asking && (
        <Disconnect
          connection={c}
          onClose={(done) => {
            setAsking(false);
            if (!done) return;
            setCleanUp(done);
            onChange();
          }}
        />
      )}
      {cleanUp && <CleanUp name={c.name} list={cleanUp} onClose={() => setCleanUp(null)} />}
    </article>
  );
}

function Facts({ connection: c }: { connection: Connection }) {
  return (
    <dl class="facts">
      <div>
        <dt>Connected since</dt>
        <dd data-field="connected_at">{c.connected_at ? dateTime(c.connected_at, zone()) : "–"}</dd>
      </div>
      <div>
        <dt>Last webhook</dt>
        <dd data-field="last_event_at" title={c.last_event_at ? dateTime(c.last_event_at, zone()) : ""}>
          {c.last_event_at ? ago(c.last_event_at, zone()) : "None yet"}
        </dd>
      </div>
      {c.listed && (
        <div>
          <dt>Looked for missed ones</dt>
          <dd data-field="looked_at" title={c.looked_at ? dateTime(c.looked_at, zone()) : ""}>
            {c.looked_at ? ago(c.looked_at, zone()) : "Within the hour"}
          </dd>
        </div>
      )}
    </dl>
  );
}

/** How far the import of the conversations from before has come. */
function Import({ backfill: b }: { backfill: NonNullable<Connection["backfill"]> }) {
  return (
    <div data-testid="backfill" data-done={b.done} data-found={b.found}>
      <p>{b.done ? `Imported ${b.found} conversations from before.` : `Importing conversations: ${b.found} of ${b.total || "…"}`}</p>
      {!b.done && <progress max={b.total || 1} value={b.found} aria-label="Conversations imported" />}
      {b.note && <p class="hint">{b.note}</p>}
    </div>
  );
}

/** The address to connect at, where it is one of ours. */
function connectUrl(c: Connection): string {
  return /^\/connect\/[a-z]+\/start$/.test(c.connect_url) ? c.connect_url : `/connect/${c.provider}/start`;
}

function Actions({ connection: c, onChange, onDisconnect }: { connection: Connection; onChange: () => void; onDisconnect: () => void }) {
  const [checks, setChecks] = useState<Schemas["Check"][] | null>(null);
  const [before, setBefore] = useState(true);
  const { problem, busy, act } = useAct();
  const [testing, setTesting] = useState(false);
  const test = async () => {
    setTesting(true);
    await act(async () => setChecks((await ask("post", "/api/v1/connections/{provider}/test", { path: { provider: c.provider } })).checks));
    setTesting(false);
  };
  const importBefore = () =>
    act(async () => {
      await ask("post", "/api/v1/connections/{provider}/backfill", { path: { provider: c.provider } });
      onChange();
    });
  if (c.unavailable) return null;
  if (!may("admin")) return <p class="hint">Connecting needs the role Admin or Owner.</p>;
  const held = c.state === "connected" || c.state === "error";
  return (
    <>
      {problem && <ProblemNote problem={problem} />}
      {checks && held && <Checks checks={checks} testid="test-result" />}
      {c.state === "disconnected" && c.listed && (
        <label class="tick-box">
          <input type="checkbox" checked={before} onChange={(e) => setBefore(e.currentTarget.checked)} data-testid="import-before" />
          Also import the conversations from before. They count as Direct until they are tied to a visitor.
        </label>
      )}
      <div class="actions">
        {c.state !== "connected" && (
          <a class="button button-main" href={connectUrl(c) + (c.state === "disconnected" && c.listed && before ? "?backfill=1" : "")} data-testid="connect">
            {c.state === "error" ? "Reconnect" : c.state === "pending" ? "Start again" : "Connect"}
          </a>
        )}
        {held && (
          <button type="button" class="button" disabled={busy} onClick={() => void test()} data-testid="test">
            {testing ? "Testing…" : "Test"}
          </button>
        )}
        {c.state === "connected" && c.listed && (!c.backfill || c.backfill.done) && (
          <button type="button" class="button" disabled={busy} onClick={() => void importBefore()} data-testid="import">
            {c.backfill ? "Import again" : "Import conversations from before"}
          </button>
        )}
        {held && (
          <button type="button" class="button" onClick={onDisconnect} data-testid="disconnect">
            Disconnect
          </button>
        )}
      </div>
    </>
  );
}

function Disconnect({ connection: c, onClose }: { connection: Connection; onClose: (cleanUp: string[] | null) => void }) {
  return (
    <Ask
      title={`Disconnect ${c.name}?`}
      label="Disconnect"
      busy="Disconnecting…"
      keep="Keep it connected"
      testid="disconnect-dialog"
      confirm="disconnect-confirm"
      act={() => ask("post", "/api/v1/connections/{provider}/disconnect", { path: { provider: c.provider } })}
      onDone={(answer) => onClose(answer.clean_up)}
      onClose={() => onClose(null)}
    >
      <dl class="consequences">
        <dt>What stops, at once</dt>
        <dd>The access token is revoked and destroyed, and no further webhook of {c.workspace_name || c.name} is processed. New conversations no longer become contacts.</dd>
        <dt>What stays</dt>
        <dd>Contacts, conversations and their sources that were captured stay until somebody asks for their removal. The tracker on your site goes on.</dd>
        <dt>What goes within 30 days</dt>
        <dd>Delivery logs and the bodies of received webhooks.</dd>
        <dt>What to clean up by hand in {c.name}</dt>
        <dd>
          <ul data-testid="to-clean-up">
            {c.clean_up.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
          SourceLoop deletes nothing in {c.name}.
        </dd>
      </dl>
      <p>You can reconnect at any time with the same click.</p>
    </Ask>
  );
}
