// Setup → Webhooks: who is told of leads, and where other programs tell of theirs.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { ago, dateTime } from "../format";
import { may, zone } from "../session";
import { Ask } from "../ui/ask";
import { Head, ProblemNote } from "../ui/basics";
import { useOpened } from "../ui/focus";
import { useAct, useSubmit } from "../ui/form";
import { Icon } from "../ui/icon";
import { Once } from "../ui/once";
import { Deliveries } from "./deliveries";
import { HookList } from "./hooklist";
import { IncomingHooks } from "./incoming";

type Webhook = Schemas["Webhook"];
type Event = Schemas["WebhookEvent"];

/** The screen at /setup/webhooks. */
export function Webhooks() {
  return (
    <>
      <Head title="Webhooks" />
      {may("admin") ? (
        <>
          <Outgoing />
          <IncomingHooks />
        </>
      ) : (
        <p class="hint">Webhooks need the role Admin or Owner.</p>
      )}
    </>
  );
}

const events: { id: Event; label: string }[] = [
  { id: "lead.created", label: "A new lead: a contact with an email or a phone was seen first" },
  { id: "lead.changed", label: "A lead changed: its source, stage, conversations or anything else that is shown" },
];

type Made = Schemas["NewWebhook"];

function Outgoing() {
  const list = useQuery("webhooks", (signal) => ask("get", "/api/v1/webhooks", { signal }), 5_000);
  return (
    <HookList<Webhook, Made>
      title="Outgoing webhooks"
      hint="Your own programs are told of leads within seconds: each request has the contact as the API gives it and is signed as Standard Webhooks says. One that fails is tried again for three days."
      none="No program is told of leads yet."
      again="add"
      list={list}
      fresh={(made, close) =>
        made.secret && (
          <Once
            title={`Copy the secret of “${made.webhook.name}” now.`}
            text="Your program verifies with it that requests come from here; libraries for it are at standardwebhooks.com. It cannot be shown again."
            secret={made.secret}
            testid="secret"
            onClose={close}
          />
        )
      }
      card={(w, made) => <Card key={w.id} webhook={w} onChange={list.reload} onSecret={made} />}
      form={(made, close) => <Form onDone={made} onClose={close} />}
      add={(open) => (
        <button type="button" class="button button-main" onClick={open} data-opens="new webhook" data-testid="add-webhook">
          Add a webhook
        </button>
      )}
    />
  );
}

/** Of a new webhook, or of one that is changed. */
function Form({ of, onDone, onClose }: { of?: Webhook; onDone: (made: Made) => void; onClose: () => void }) {
  const form = useOpened(of ? `webhook ${of.id}` : "new webhook");
  const [chosen, setChosen] = useState<Event[]>(of?.events ?? ["lead.created"]);
  const { problem, busy, onSubmit } = useSubmit(async (typed) => {
    const body = { name: typed("name"), url: typed("url"), events: chosen };
    if (of) onDone({ webhook: await ask("put", "/api/v1/webhooks/{id}", { path: { id: of.id }, body }), secret: "" });
    else onDone(await ask("post", "/api/v1/webhooks", { body }));
  });
  return (
    <form ref={form} class="hook-form" onSubmit={onSubmit} data-testid="webhook-form">
      {!of && <h3>New webhook</h3>}
      {problem && <ProblemNote problem={problem} />}
      <div class="hook-fields">
        <label>
          What it is for
          <input name="name" type="text" required maxLength={100} placeholder="CRM" defaultValue={of?.name} data-testid="webhook-name" />
        </label>
        <label>
          Address
          <input name="url" type="url" required maxLength={2000} placeholder="https://example.com/leads" defaultValue={of?.url} data-testid="webhook-url" />
        </label>
      </div>
      <fieldset>
        <legend>What it is told of</legend>
        {events.map((e) => (
          <label key={e.id} class="tick-box">
            <input
              type="checkbox"
              checked={chosen.includes(e.id)}
              onChange={(c) => setChosen(c.currentTarget.checked ? [...chosen, e.id] : chosen.filter((x) => x !== e.id))}
              data-testid={`event-${e.id}`}
            />
            {e.label}
          </label>
        ))}
      </fieldset>
      <div class="actions">
        <button type="submit" class="button button-main" disabled={busy || chosen.length === 0} data-testid="save-webhook">
          {busy ? "One moment…" : of ? "Save" : "Add it"}
        </button>
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </form>
  );
}

const states: Record<Webhook["state"], { label: string; look: string }> = {
  active: { label: "Active", look: "connected" },
  paused: { label: "Paused", look: "pending" },
  gone: { label: "Gone", look: "error" },
};

function Card({ webhook: w, onChange, onSecret }: { webhook: Webhook; onChange: () => void; onSecret: (made: Made) => void }) {
  const [open, setOpen] = useState<"" | "log" | "edit" | "delete" | "renew">("");
  const { problem, busy, act } = useAct();
  const path = { id: w.id };
  const change = (what: () => Promise<unknown>) =>
    act(async () => {
      await what();
      onChange();
    });
  const close = () => setOpen("");
  const test = () =>
    change(async () => {
      await ask("post", "/api/v1/webhooks/{id}/test", { path });
      setOpen("log");
    });
  return (
    <article class="card connection" aria-label={w.name} data-testid="webhook" data-state={w.state}>
      <header>
        <div>
          <h3>{w.name}</h3>
          <p class="sub break" data-field="url">
            {w.url}
          </p>
        </div>
        <span class={`state state-${states[w.state].look}`}>{states[w.state].label}</span>
      </header>
      {w.words && (
        <div class={w.state === "gone" ? "note note-bad" : "note"} data-field="words">
          <Icon name="warn" />
          <div>{w.words}</div>
        </div>
      )}
      <Facts webhook={w} />
      {problem && <ProblemNote problem={problem} />}
      {open === "edit" ? (
        <Form
          of={w}
          onDone={() => {
            close();
            onChange();
          }}
          onClose={close}
        />
      ) : (
        // By its key it stays the same element, and keeps the focus, when words come above it.
        <div key="actions" class="actions">
          <button type="button" class="button" disabled={busy} onClick={() => void test()} data-testid="test-webhook">
            Send a test
          </button>
          <button type="button" class="button" aria-expanded={open === "log"} onClick={() => setOpen(open === "log" ? "" : "log")} data-testid="webhook-log">
            Log
          </button>
          <button type="button" class="button" disabled={busy} onClick={() => void change(() => ask("post", "/api/v1/webhooks/{id}/pause", { path, body: { paused: w.state === "active" } }))} data-testid="pause-webhook">
            {w.state === "active" ? "Pause" : "Resume"}
          </button>
          <button type="button" class="button" onClick={() => setOpen("edit")} data-opens={`webhook ${w.id}`} data-testid="edit-webhook">
            Change
          </button>
          <button type="button" class="button" onClick={() => setOpen("renew")} data-testid="renew-secret">
            Renew the secret
          </button>
          <button type="button" class="button" onClick={() => setOpen("delete")} data-testid="delete-webhook">
            Delete
          </button>
        </div>
      )}
      {open === "log" && <Deliveries webhook={w} onChange={onChange} />}
      {open === "renew" && (
        <Ask
          title={`Renew the secret of “${w.name}”?`}
          text="The new secret is shown once. For a day requests are signed with both, so that you can change it without losing any; after that with the new one alone."
          label="Renew it"
          onClose={close}
          act={async () => onSecret(await ask("post", "/api/v1/webhooks/{id}/secret", { path }))}
        />
      )}
      {open === "delete" && (
        <Ask
          title={`Delete “${w.name}”?`}
          text="Nothing is sent to it any more. Its secret and the log of what was sent go with it. This cannot be undone."
          label="Delete"
          onClose={close}
          act={async () => {
            await ask("delete", "/api/v1/webhooks/{id}", { path });
            onChange();
          }}
        />
      )}
    </article>
  );
}

function Facts({ webhook: w }: { webhook: Webhook }) {
  return (
    <dl class="facts">
      <div>
        <dt>Told of</dt>
        <dd>{w.events.map((e) => (e === "lead.created" ? "new leads" : "changed leads")).join(" and ")}</dd>
      </div>
      <div>
        <dt>Waiting</dt>
        <dd data-field="waiting">{w.waiting}</dd>
      </div>
      <div>
        <dt>Given up</dt>
        <dd data-field="failed">{w.failed}</dd>
      </div>
      {w.failing_since && (
        <div>
          <dt>Failing since</dt>
          <dd title={dateTime(w.failing_since, zone())}>{ago(w.failing_since, zone())}</dd>
        </div>
      )}
      {w.former_secret_until && (
        <div>
          <dt>The former secret signs until</dt>
          <dd>{dateTime(w.former_secret_until, zone())}</dd>
        </div>
      )}
    </dl>
  );
}
