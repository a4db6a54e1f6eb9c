// The push log: of a destination on its own page, of a person on the contact's.
import { useEffect, useState } from "preact/hooks";
import { outcomeLabel, platformWords, pushState, pushStates, type PushState } from "../ads";
import { ask, type Schemas } from "../api/client";
import { forget, useQuery } from "../api/query";
import { ago, count, dateTime, dueWords, plural } from "../format";
import { conversionLabel } from "../models";
import { may, zone } from "../session";
import { useAct } from "../ui/form";
import { place, setQuery } from "../url";
import { Empty, Head, Link, ProblemNote, Skeleton } from "../ui/basics";
import { Icon } from "../ui/icon";

type Push = Schemas["Push"];
type Destination = Schemas["Destination"];

const pageSize = 25;

/** The screen at /setup/ads/{id}: what became of every conversion at one destination. */
export function AdsLog({ id }: { id: string }) {
  const query = place.value.query;
  const state = (query.get("state") ?? "") as PushState | "";
  const cursor = query.get("cursor") ?? "";
  const destination = useQuery(`destination ${id}`, (signal) => ask("get", "/api/v1/destinations/{id}", { path: { id }, signal }), 4_000);
  const list = useQuery(
    `pushes ${id} ${state} ${cursor}`,
    (signal) => ask("get", "/api/v1/pushes", { query: { destination: id, cursor, limit: pageSize, ...(state ? { state } : {}) }, signal }),
    cursor ? 0 : 3_000,
  );
  const change = () => {
    forget();
    destination.reload();
    list.reload();
  };
  const d = destination.data;
  return (
    <>
      <Head title={d ? d.name : "Push log"}>
        <Link href="/setup/ads" class="button">
          All ad platforms
        </Link>
      </Head>
      {destination.problem && <ProblemNote problem={destination.problem} again={destination.reload} />}
      {!destination.problem && d && <Summary destination={d} state={state} onChange={change} />}
      {!destination.problem && list.problem && <ProblemNote problem={list.problem} again={list.reload} />}
      {!list.data && list.loading && <Skeleton lines={8} />}
      {d && list.data && list.data.items.length === 0 && <Nothing state={state} cursor={cursor} />}
      {list.data && list.data.items.length > 0 && (
        <ul class="pushes" data-testid="pushes">
          {list.data.items.map((p) => (
            <PushItem key={p.id} push={p} open={query.get("push") === p.id} onToggle={(open) => setQuery({ push: open ? p.id : null }, "replace")} onChange={change} />
          ))}
        </ul>
      )}
      {list.data && (cursor || list.data.next) && (
        <nav class="pages" aria-label="Pages">
          {cursor && (
            <button type="button" class="button" onClick={() => setQuery({ cursor: null, push: null })}>
              Newest
            </button>
          )}
          {list.data.next && (
            <button type="button" class="button" onClick={() => setQuery({ cursor: list.data!.next, push: null })} data-testid="next-page">
              Older pushes
            </button>
          )}
        </nav>
      )}
    </>
  );
}

function Summary({ destination: d, state, onChange }: { destination: Destination; state: PushState | ""; onChange: () => void }) {
  const all = pushStates.reduce((sum, s) => sum + d.counts[s.id], 0);
  const tab = (id: PushState | "", label: string, n: number) => (
    <li key={id}>
      <button type="button" aria-pressed={state === id} onClick={() => setQuery({ state: id || null, cursor: null, push: null })} data-testid={`state-${id || "all"}`} data-value={n}>
        {label} <strong>{count(n)}</strong>
      </button>
    </li>
  );
  const card = useQuery("ads", (signal) => ask("get", "/api/v1/ads", { signal }), 3_000).data?.items.find((c) => c.platform === d.platform);
  return (
    <>
      {card && card.state !== "connected" && (
        <div class="note note-bad" data-testid="not-connected">
          <Icon name="warn" />
          <p>
            {card.last_error || `${card.name} is not connected, so nothing is sent.`} <Link href="/setup/ads">Go to the ad platforms</Link>
          </p>
        </div>
      )}
      <p class="lead">
        Push log of a {platformWords(d.platform).product} of {platformWords(d.platform).name}: every conversion that goes there, and what the platform said.
      </p>
      <ul class="state-tabs" aria-label="States">
        {tab("", "All", all)}
        {pushStates.map((s) => tab(s.id, s.label, d.counts[s.id]))}
      </ul>
      {state && <p class="hint">{pushState(state).text}</p>}
      {d.counts.error > 0 && may("editor") && <RetryAll destination={d} onChange={onChange} />}
    </>
  );
}

function RetryAll({ destination: d, onChange }: { destination: Destination; onChange: () => void }) {
  const { problem, busy, act } = useAct();
  const retry = () =>
    act(async () => {
      await ask("post", "/api/v1/destinations/{id}/retry", { path: { id: d.id } });
      onChange();
    });
  return (
    <>
      {problem && <ProblemNote problem={problem} />}
      <p class="actions">
        <button type="button" class="button" disabled={busy} onClick={() => void retry()} data-testid="retry-all">
          {busy ? "One moment…" : `Send all ${plural(d.counts.error, "error")} again`}
        </button>
        <span class="hint">Each keeps its id, so that the platform can tell it from a new one.</span>
      </p>
    </>
  );
}

function Nothing({ state, cursor }: { state: PushState | ""; cursor: string }) {
  if (state || cursor) {
    return (
      <Empty kind="nothing" title={state ? `No push is in the state ${pushState(state).label}` : "There is nothing older"}>
        <button type="button" class="button" onClick={() => setQuery({ state: null, cursor: null, push: null })}>
          Show all pushes
        </button>
      </Empty>
    );
  }
  return (
    <Empty kind="waiting" title="No conversion has come yet">
      <p>The next conversion that matches appears here within a minute, with what became of it.</p>
    </Empty>
  );
}

/** One push with its state in words; opened, its attempts. where: on a contact's page it says to which destination, else whose it is. */
export function PushItem(props: { push: Push; open: boolean; onToggle: (open: boolean) => void; onChange: () => void; ofContact?: boolean }) {
  const { push: p, open } = props;
  const state = pushState(p.state);
  const id = `push-${p.id}`;
  return (
    <li class="push" data-testid="push" data-id={p.id} data-state={p.state} data-conversion={p.conversion_name}>
      <div class="push-head">
        <span class={state.style} data-testid="push-state">
          {state.label}
        </span>
        <strong>{props.ofContact ? <Where push={p} /> : <Who push={p} />}</strong>
        <span>
          {conversionLabel(p.conversion_name)}
          {p.stage && `, reached ${p.stage}`}
        </span>
        <time dateTime={p.at} title={dateTime(p.at, zone())}>
          {ago(p.at, zone())}
        </time>
      </div>
      <p data-testid="push-words">{p.words || state.text}</p>
      {p.state === "pending" && p.due_at && <p class="hint">{dueWords(p.due_at, zone())}</p>}
      {p.note && (
        <div class="note" data-testid="push-note">
          <Icon name="warn" />
          <p>{p.note}</p>
        </div>
      )}
      <div key="actions" class="actions">
        <button type="button" class="button" aria-expanded={open} aria-controls={id} onClick={() => props.onToggle(!open)} data-testid="push-open">
          {p.attempts === 0 ? "Details" : plural(p.attempts, "attempt")}
          <Icon name={open ? "up" : "down"} />
        </button>
        {p.state === "error" && may("editor") && <Retry push={p} onChange={props.onChange} />}
      </div>
      <div id={id} hidden={!open}>
        {open && <Attempts push={p} />}
      </div>
    </li>
  );
}

function Who({ push: p }: { push: Push }) {
  if (!p.contact) return <>Somebody who was erased</>;
  return <Link href={`/contacts/${p.contact}`}>{p.contact_name || "Contact"}</Link>;
}

function Where({ push: p }: { push: Push }) {
  return (
    <>
      {platformWords(p.platform).name}: <Link href={`/setup/ads/${p.destination}`}>{p.destination_name}</Link>
    </>
  );
}

function Retry({ push, onChange }: { push: Push; onChange: () => void }) {
  const { problem, busy, act } = useAct();
  const retry = () =>
    act(async () => {
      await ask("post", "/api/v1/pushes/{id}/retry", { path: { id: push.id } });
      onChange();
    });
  return (
    <>
      <button type="button" class="button" disabled={busy} onClick={() => void retry()} data-testid="retry">
        Send again
      </button>
      {problem && <ProblemNote problem={problem} />}
    </>
  );
}

/** What was tried, and what the platform said each time. */
function Attempts({ push: p }: { push: Push }) {
  const detail = useQuery(`push ${p.id}`, (signal) => ask("get", "/api/v1/pushes/{id}", { path: { id: p.id }, signal }));
  useEffect(() => detail.reload(), [p.updated_at]);
  if (detail.problem) return <ProblemNote problem={detail.problem} again={detail.reload} />;
  if (!detail.data) return <Skeleton lines={2} />;
  return (
    <div class="attempts">
      <p class="hint">
        Id at the platform: <code class="break">{p.id}</code>
      </p>
      {detail.data.history.length === 0 && <p class="hint">Nothing was sent yet.</p>}
      <ol data-testid="attempts">
        {detail.data.history.map((a, i) => (
          <li key={i} data-outcome={a.outcome}>
            <p class="talk-head">
              <strong>{outcomeLabel(a.outcome)}</strong>
              <time dateTime={a.at}>{dateTime(a.at, zone())}</time>
              {a.code && <code class="break">{a.code}</code>}
            </p>
            {a.words && <p>{a.words}</p>}
          </li>
        ))}
      </ol>
    </div>
  );
}

/** What of a person went to advertising platforms; nothing where nothing did. */
export function ContactPushes({ contact }: { contact: string }) {
  const [open, setOpen] = useState("");
  const list = useQuery(`pushes of ${contact}`, (signal) => ask("get", "/api/v1/pushes", { query: { contact, limit: pageSize }, signal }), 6_000);
  if (!list.data || list.data.items.length === 0) return list.problem ? <ProblemNote problem={list.problem} again={list.reload} /> : null;
  return (
    <section aria-label="Sent to ad platforms" data-testid="contact-pushes">
      <h2>Sent to ad platforms</h2>
      <ul class="pushes">
        {list.data.items.map((p) => (
          <PushItem key={p.id} push={p} ofContact open={open === p.id} onToggle={(now) => setOpen(now ? p.id : "")} onChange={list.reload} />
        ))}
      </ul>
    </section>
  );
}
