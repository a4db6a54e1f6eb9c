// Setup → Ad platforms: a card for each platform with its destinations.
import { useState } from "preact/hooks";
import { isPlatform, platformWords, pushStates } from "../ads";
import { ask, type Schemas } from "../api/client";
import { forget, useQuery } from "../api/query";
import { count, dateTime, plural } from "../format";
import { conversionLabel } from "../models";
import { may, zone } from "../session";
import { useOpened } from "../ui/focus";
import { useAct, useSubmit } from "../ui/form";
import { place } from "../url";
import { Ask } from "../ui/ask";
import { Head, Link, ProblemNote, Skeleton } from "../ui/basics";
import { Checks } from "../ui/checks";
import { CleanUp } from "../ui/cleanup";
import { Icon } from "../ui/icon";
import { EditDestination, NewDestination } from "./adsform";
import { AdsLog } from "./adslog";

type Card = Schemas["AdCard"];
type Destination = Schemas["Destination"];

/** The screens below /setup/ads: the cards, a form, a push log. */
export function Ads() {
  const [first = "", second = ""] = place.value.path.slice("/setup/ads".length).split("/").filter(Boolean).map(decodeURIComponent);
  if (first === "new" && isPlatform(second)) return <NewDestination platform={second} />;
  if (first && second === "edit") return <EditDestination id={first} />;
  if (first) return <AdsLog key={first} id={first} />;
  return <Cards />;
}

function Cards() {
  const list = useQuery("ads", (signal) => ask("get", "/api/v1/ads", { signal }), 3_000);
  const change = () => {
    forget();
    list.reload();
  };
  return (
    <>
      <Head title="Ad platforms" />
      <p class="lead">
        Tell the platforms which clicks led to a conversation, so that they find more people like these. Each conversion goes once to each destination, with the ad click that earned it.
      </p>
      {list.problem && <ProblemNote problem={list.problem} again={list.reload} />}
      {!list.data && list.loading && <Skeleton lines={8} />}
      <div class="ad-cards">
        {list.data?.items.map((c) => (
          <PlatformCard key={c.platform} card={c} onChange={change} />
        ))}
      </div>
    </>
  );
}

const stateLabels: Record<Card["state"], string> = { connected: "Connected", pending: "Pending", error: "Error", disconnected: "Not set up" };

function stateText(c: Card): string {
  if (c.state === "pending") return `${c.name} has been asked. This takes a few seconds; the card changes by itself.`;
  if (c.state !== "disconnected") return "";
  if (c.unavailable) return c.unavailable;
  return c.how === "oauth" ? `You need access to the account at ${c.name} whose ads lead to your site.` : "You need to be an admin of the dataset that belongs to your ads.";
}

function PlatformCard({ card: c, onChange }: { card: Card; onChange: () => void }) {
  const [asking, setAsking] = useState(false);
  const [cleanUp, setCleanUp] = useState<string[] | null>(null);
  const text = stateText(c);
  return (
    <article class="card connection ad-card" aria-label={c.name} data-testid={`ads-${c.platform}`} data-state={c.state}>
      <header>
        <span class="provider" aria-hidden="true">
          <Icon name="megaphone" />
        </span>
        <div>
          <h2>{c.name}</h2>
          {c.account_name && (
            <p class="sub" data-field="account_name">
              {c.account_name}
            </p>
          )}
        </div>
        <span class={`state state-${c.state}`} data-testid="state">
          {stateLabels[c.state]}
        </span>
      </header>
      {text && <p>{text}</p>}
      {c.last_error && (
        <div class="note note-bad" data-field="last_error">
          <Icon name="warn" />
          <p>{c.last_error}</p>
        </div>
      )}
      {c.connected_at && (
        <dl class="facts">
          <div>
            <dt>Connected since</dt>
            <dd>{dateTime(c.connected_at, zone())}</dd>
          </div>
        </dl>
      )}
      <Actions card={c} onChange={onChange} onDisconnect={() => setAsking(true)} />
      {cleanUp && <CleanUp name={c.name} list={cleanUp} onClose={() => setCleanUp(null)} />}
      {(c.state === "connected" || c.destinations.length > 0) && <Destinations card={c} onChange={onChange} />}
      {asking && (
        <Disconnect
          card={c}
          onClose={(done) => {
            setAsking(false);
            if (!done) return;
            setCleanUp(done);
            onChange();
          }}
        />
      )}
    </article>
  );
}

function Actions({ card: c, onChange, onDisconnect }: { card: Card; onChange: () => void; onDisconnect: () => void }) {
  const [checks, setChecks] = useState<Schemas["Check"][] | null>(null);
  const [pasting, setPasting] = useState(false);
  const { problem, busy, act } = useAct();
  if (c.unavailable) return null;
  if (!may("admin")) return <p class="hint">Connecting needs the role Admin or Owner.</p>;
  const held = c.state === "connected" || c.state === "error";
  const test = () =>
    act(async () => {
      setChecks((await ask("post", "/api/v1/connections/{provider}/test", { path: { provider: c.platform } })).checks);
      onChange();
    });
  const connect = c.state === "error" ? "Reconnect" : c.state === "pending" ? "Start again" : "Connect";
  return (
    <>
      {problem && <ProblemNote problem={problem} />}
      {checks && held && <Checks checks={checks} testid="test-result" />}
      {pasting && (
        <Paste
          card={c}
          onClose={(done) => {
            setPasting(false);
            if (done) onChange();
          }}
        />
      )}
      <div class="actions">
        {c.state !== "connected" && c.how === "oauth" && (
          <a class="button button-main" href={`/connect/${c.platform}/start`} data-testid="connect">
            {connect}
          </a>
        )}
        {c.how === "token" && !pasting && (
          <button type="button" class={c.state === "connected" ? "button" : "button button-main"} onClick={() => setPasting(true)} data-opens={`token ${c.platform}`} data-testid="connect">
            {c.state === "connected" ? "Replace the token" : `${connect} with a token`}
          </button>
        )}
        {held && (
          <button type="button" class="button" disabled={busy} onClick={() => void test()} data-testid="test">
            {busy ? "Testing…" : "Test"}
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

/** The form for a token that was made by hand. It is sent once and never shown again. */
function Paste({ card: c, onClose }: { card: Card; onClose: (done: boolean) => void }) {
  const form = useOpened(`token ${c.platform}`);
  const { problem, busy, onSubmit } = useSubmit(async (typed) => {
    if (!typed("token")) return;
    await ask("post", "/api/v1/ads/{platform}/token", { path: { platform: c.platform }, body: { token: typed("token") } });
    onClose(true);
  });
  return (
    <form ref={form} class="stack" onSubmit={onSubmit} aria-label={`Token of ${c.name}`}>
      <fieldset disabled={busy}>
        <legend class="hidden">Token of {c.name}</legend>
        <label>
          Access token
          <input name="token" type="password" required maxLength={2000} autocomplete="off" spellcheck={false} aria-describedby={`token-${c.platform}`} data-testid="token" />
        </label>
        <p class="hint" id={`token-${c.platform}`}>
          {platformWords(c.platform).token} It is kept encrypted and is not shown again.
        </p>
        {problem && <ProblemNote problem={problem} />}
        <span class="actions">
          <button type="submit" class="button button-main" data-testid="token-save">
            {busy ? "One moment…" : "Connect"}
          </button>
          <button type="button" class="button" onClick={() => onClose(false)}>
            Cancel
          </button>
        </span>
      </fieldset>
    </form>
  );
}

function Destinations({ card: c, onChange }: { card: Card; onChange: () => void }) {
  return (
    <section class="destinations" aria-label={`Destinations at ${c.name}`}>
      <h3>Destinations</h3>
      {c.destinations.length === 0 && (
        <p class="hint">
          None yet, so nothing is sent. A destination is a {platformWords(c.platform).product} of {c.name}, with what goes to it.
        </p>
      )}
      {c.state !== "connected" && c.destinations.length > 0 && (
        <p class="hint">While {c.name} is not connected, nothing is sent. The destinations are kept and go on when it is connected again.</p>
      )}
      <ul>
        {c.destinations.map((d) => (
          <DestinationItem key={d.id} destination={d} onChange={onChange} />
        ))}
      </ul>
      {c.state === "connected" && may("admin") && (
        <p class="actions">
          <Link href={`/setup/ads/new/${c.platform}`} class="button" data-testid="new-destination">
            <Icon name="plus" />
            New destination
          </Link>
        </p>
      )}
    </section>
  );
}

/** What goes to a destination, in a sentence. */
function whatGoes(d: Destination): string {
  const names = d.conversions.length === 0 ? "Every chat" : d.conversions.map(conversionLabel).join(", ");
  return d.trigger === "stage" ? `${names}, once the contact reaches ${d.stage}` : names;
}

function DestinationItem({ destination: d, onChange }: { destination: Destination; onChange: () => void }) {
  const [deleting, setDeleting] = useState(false);
  const { problem, busy, act } = useAct();
  const pause = async () => {
    const { id: _, created_at: __, counts: ___, ...input } = d;
    await act(async () => {
      await ask("put", "/api/v1/destinations/{id}", { path: { id: d.id }, body: { ...input, paused: !d.paused } });
      onChange();
    });
  };
  return (
    <li class="destination" data-testid="destination" data-id={d.id} data-name={d.name}>
      <p class="push-head">
        <strong>
          <Link href={`/setup/ads/${d.id}`}>{d.name}</Link>
        </strong>
        {d.paused && <span class="tag tag-warn">Paused</span>}
        {d.dry_run && <span class="tag tag-warn">Dry run</span>}
        {d.test_code && <span class="tag tag-warn">Test events</span>}
        <span class="sub-plain break">
          {[d.action_name || `${platformWords(d.platform).product} ${d.action}`, d.event].filter(Boolean).join(", ")}
        </span>
      </p>
      <p>{whatGoes(d)}</p>
      <ul class="counts" aria-label={`Pushes of ${d.name}`}>
        {pushStates
          .filter((s) => d.counts[s.id] > 0 || s.id === "sent")
          .map((s) => (
            <li key={s.id}>
              <Link href={`/setup/ads/${d.id}?state=${s.id}`} data-testid={`count-${s.id}`} data-value={d.counts[s.id]} class={s.id === "error" ? "count-bad" : ""}>
                {s.label} <strong>{count(d.counts[s.id])}</strong>
              </Link>
            </li>
          ))}
      </ul>
      {problem && <ProblemNote problem={problem} />}
      <div class="actions">
        <Link href={`/setup/ads/${d.id}`} class="button" data-testid="log">
          Push log
        </Link>
        {may("admin") && (
          <>
            <Link href={`/setup/ads/${d.id}/edit`} class="button" data-testid="edit">
              Edit
            </Link>
            <button type="button" class="button" disabled={busy} onClick={() => void pause()} data-testid="pause">
              {d.paused ? "Resume" : "Pause"}
            </button>
            <button type="button" class="button button-icon" aria-label={`Delete ${d.name}`} onClick={() => setDeleting(true)} data-testid="delete">
              <Icon name="trash" />
            </button>
          </>
        )}
      </div>
      {deleting && (
        <Delete
          destination={d}
          onClose={(gone) => {
            setDeleting(false);
            if (gone) onChange();
          }}
        />
      )}
    </li>
  );
}

function Delete({ destination: d, onClose }: { destination: Destination; onClose: (gone: boolean) => void }) {
  return (
    <Ask
      title={`Delete “${d.name}”?`}
      label="Delete"
      keep="Keep it"
      testid="delete-dialog"
      confirm="delete-confirm"
      act={() => ask("delete", "/api/v1/destinations/{id}", { path: { id: d.id } })}
      onDone={() => onClose(true)}
      onClose={() => onClose(false)}
    >
      <p>
        {d.counts.pending > 0 ? `${plural(d.counts.pending, "pending push", "pending pushes")} will be cancelled. ` : ""}
        What was sent stays at {platformWords(d.platform).name}, which counts it as before.
      </p>
      <p>To stop for a while only, pause it instead.</p>
    </Ask>
  );
}

function Disconnect({ card: c, onClose }: { card: Card; onClose: (cleanUp: string[] | null) => void }) {
  const pending = c.destinations.reduce((sum, d) => sum + d.counts.pending, 0);
  return (
    <Ask
      title={`Disconnect ${c.name}?`}
      label="Disconnect"
      busy="Disconnecting…"
      keep="Keep it connected"
      testid="disconnect-dialog"
      confirm="disconnect-confirm"
      act={() => ask("post", "/api/v1/connections/{provider}/disconnect", { path: { provider: c.platform } })}
      onDone={(answer) => onClose(answer.clean_up)}
      onClose={() => onClose(null)}
    >
      <dl class="consequences">
        <dt>What stops, at once</dt>
        <dd>
          The access is revoked at {c.name} and the tokens here are destroyed. No conversion is sent any more
          {pending > 0 ? `, and ${plural(pending, "pending push is", "pending pushes are")} cancelled` : ", and pending pushes are cancelled"}.
        </dd>
        <dt>What stays</dt>
        <dd>What was sent stays at {c.name} and counts there. The destinations stay here and go on when you connect again.</dd>
        <dt>What goes within 30 days</dt>
        <dd>The push log of {c.name}.</dd>
        {c.clean_up.length > 0 && (
          <>
            <dt>What to clean up by hand at {c.name}</dt>
            <dd>
              <ul data-testid="to-clean-up">
                {c.clean_up.map((line) => (
                  <li key={line}>{line}</li>
                ))}
              </ul>
            </dd>
          </>
        )}
      </dl>
    </Ask>
  );
}
