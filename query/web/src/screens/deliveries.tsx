// The log of one outgoing webhook.
import { useState } from "preact/hooks";
import { ask, Problem, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { ago, capital, dateTime } from "../format";
import { zone } from "../session";
import { Choice, Link, ProblemNote, Skeleton } from "../ui/basics";

type Delivery = Schemas["Delivery"];

const sinces = [
  { id: "1", label: "of the last day" },
  { id: "7", label: "of the last 7 days" },
  { id: "30", label: "of the last 30 days" },
];

/** What was sent to a webhook, and what waits; asked often, since it changes by itself. */
export function Deliveries({ webhook, onChange }: { webhook: Schemas["Webhook"]; onChange: () => void }) {
  const [pages, setPages] = useState<string[]>([""]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [days, setDays] = useState("1");
  const cursor = pages[pages.length - 1] ?? "";
  const path = { id: webhook.id };
  const log = useQuery(`deliveries ${webhook.id} ${cursor}`, (signal) => ask("get", "/api/v1/webhooks/{id}/deliveries", { path, query: { limit: 20, cursor }, signal }), 3_000);
  const act = async (what: () => Promise<unknown>) => {
    setProblem(null);
    try {
      await what();
      log.reload();
      onChange();
    } catch (error) {
      if (error instanceof Problem) setProblem(error);
    }
  };
  const since = () => new Date(Date.now() - Number(days) * 864e5).toISOString();
  return (
    <div data-testid="deliveries">
      {(problem ?? log.problem) && <ProblemNote problem={(problem ?? log.problem) as Problem} again={log.reload} />}
      {!log.data && log.loading && <Skeleton lines={3} />}
      {log.data && log.data.items.length === 0 && <p>Nothing was sent in the last 30 days.</p>}
      {log.data && log.data.items.length > 0 && <Table items={log.data.items} onAgain={(d) => void act(() => ask("post", "/api/v1/webhooks/{id}/deliveries/{delivery}/replay", { path: { ...path, delivery: d.id } }))} />}
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
        {webhook.failed > 0 && (
          <>
            <Choice label="What was given up" value={days} options={sinces} onChange={setDays} testid="replay-since" />
            <button type="button" class="button" onClick={() => void act(() => ask("post", "/api/v1/webhooks/{id}/replay", { path, body: { since: since() } }))} data-testid="replay-failed">
              Send again
            </button>
          </>
        )}
      </div>
    </div>
  );
}

function Table({ items, onAgain }: { items: Delivery[]; onAgain: (d: Delivery) => void }) {
  return (
    <div class="table-box" role="region" aria-label="What was sent" tabIndex={0}>
      <table class="table table-small">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">What</th>
            <th scope="col">Contact</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Attempts
            </th>
            <th scope="col">Last attempt</th>
            <th scope="col">
              <span class="hidden">Send again</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((d) => (
            <tr key={d.id} data-testid="delivery" data-state={d.state}>
              <td title={dateTime(d.created_at, zone())}>{ago(d.created_at, zone())}</td>
              <th scope="row">{d.event}</th>
              <td>{d.contact ? <Link href={`/contacts/${d.contact}`}>Open</Link> : "Nobody"}</td>
              <td data-field="state">{d.state === "pending" && d.attempts === 0 ? "Waiting" : d.state === "pending" ? "Tried again" : d.state === "failed" ? "Given up" : capital(d.state)}</td>
              <td class="number">{d.attempts}</td>
              <td data-field="words">
                {d.words || "–"}
                {d.due && d.attempts > 0 && ` Next: ${dateTime(d.due, zone())}.`}
              </td>
              <td>
                <button type="button" class="button" onClick={() => onAgain(d)} data-testid="send-again">
                  {d.state === "pending" ? "Send now" : "Send again"}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
