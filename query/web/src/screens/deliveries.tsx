// The log of one outgoing webhook.
import { useState } from "preact/hooks";
import { ask, Problem, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { ago, dateTime, dueWords, plural } from "../format";
import { zone } from "../session";
import { Choice, Link, ProblemNote, Skeleton } from "../ui/basics";
import { useAct } from "../ui/form";

type Delivery = Schemas["Delivery"];

const sinces = [
  { id: "1", label: "of the last day" },
  { id: "7", label: "of the last 7 days" },
  { id: "30", label: "of the last 30 days" },
];

/** What was sent to a webhook, and what waits; asked often, since it changes by itself. */
export function Deliveries({ webhook, onChange }: { webhook: Schemas["Webhook"]; onChange: () => void }) {
  const [pages, setPages] = useState<string[]>([""]);
  const { problem, busy, act } = useAct();
  const [days, setDays] = useState("1");
  const cursor = pages[pages.length - 1] ?? "";
  const path = { id: webhook.id };
  const log = useQuery(`deliveries ${webhook.id} ${cursor}`, (signal) => ask("get", "/api/v1/webhooks/{id}/deliveries", { path, query: { limit: 20, cursor }, signal }), 3_000);
  const change = (what: () => Promise<unknown>) =>
    act(async () => {
      await what();
      log.reload();
      onChange();
    });
  const since = () => new Date(Date.now() - Number(days) * 864e5).toISOString();
  return (
    <div class="deliveries" data-testid="deliveries">
      {(problem ?? log.problem) && <ProblemNote problem={(problem ?? log.problem) as Problem} again={log.reload} />}
      {!log.data && log.loading && <Skeleton lines={3} />}
      {log.data && log.data.items.length === 0 && <p>Nothing was sent in the last 30 days.</p>}
      {webhook.failed > 0 && (
        <div class="actions">
          <Choice label="What was given up" value={days} options={sinces} onChange={setDays} testid="replay-since" />
          <button type="button" class="button" disabled={busy} onClick={() => void change(() => ask("post", "/api/v1/webhooks/{id}/replay", { path, body: { since: since() } }))} data-testid="replay-failed">
            Send all again
          </button>
        </div>
      )}
      {log.data && log.data.items.length > 0 && (
        <ul class="pushes" aria-label="What was sent">
          {log.data.items.map((d) => (
            <Item key={d.id} delivery={d} active={webhook.state === "active"} busy={busy} onAgain={() => void change(() => ask("post", "/api/v1/webhooks/{id}/deliveries/{delivery}/replay", { path: { ...path, delivery: d.id } }))} />
          ))}
        </ul>
      )}
      {(pages.length > 1 || log.data?.next) && (
        <div class="actions">
          {pages.length > 1 && (
            <button type="button" class="button" onClick={() => setPages(pages.slice(0, -1))}>
              Newer
            </button>
          )}
          {log.data?.next && (
            <button type="button" class="button" onClick={() => setPages([...pages, log.data?.next ?? ""])}>
              Older
            </button>
          )}
        </div>
      )}
    </div>
  );
}

const states: Record<Delivery["state"], { label: string; style: string }> = {
  pending: { label: "Waiting", style: "tag" },
  sent: { label: "Sent", style: "tag tag-good" },
  failed: { label: "Given up", style: "tag tag-bad" },
  cancelled: { label: "Cancelled", style: "tag" },
};

/** One event with what became of it; where the webhook is not active, what waits is not due. */
function Item({ delivery: d, active, busy, onAgain }: { delivery: Delivery; active: boolean; busy: boolean; onAgain: () => void }) {
  const state = states[d.state];
  const retried = d.state === "pending" && d.attempts > 0;
  return (
    <li class="push" data-testid="delivery" data-state={d.state}>
      <div class="push-head">
        <span class={retried ? "tag tag-warn" : state.style} data-field="state">
          {retried ? "Tried again" : state.label}
        </span>
        <strong>{d.event}</strong>
        {d.contact && <Link href={`/contacts/${d.contact}`}>Contact</Link>}
        {d.attempts > 0 && <span class="sub-plain">{plural(d.attempts, "attempt")}</span>}
        <time dateTime={d.created_at} title={dateTime(d.created_at, zone())}>
          {ago(d.created_at, zone())}
        </time>
      </div>
      <p data-field="words">{d.words || (active ? "It is sent within seconds." : "It waits until the webhook is resumed.")}</p>
      {retried && active && d.due && <p class="hint">{dueWords(d.due, zone())}</p>}
      <div class="actions">
        <button type="button" class="button" disabled={busy} onClick={onAgain} data-testid="send-again">
          {d.state === "pending" ? "Send now" : "Send again"}
        </button>
      </div>
    </li>
  );
}
