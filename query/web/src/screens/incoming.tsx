// Setup → Webhooks: the addresses at which other programs tell of conversions.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { ago } from "../format";
import { currency, zone } from "../session";
import { Ask } from "../ui/ask";
import { ProblemNote } from "../ui/basics";
import { useOpened } from "../ui/focus";
import { useSubmit } from "../ui/form";
import { Once } from "../ui/once";
import { HookList } from "./hooklist";

type Hook = Schemas["IncomingHook"];

type Made = Schemas["NewIncomingHook"];

/** The list of addresses, and the form that makes one. */
export function IncomingHooks() {
  const list = useQuery("incoming hooks", (signal) => ask("get", "/api/v1/hooks", { signal }), 5_000);
  return (
    <HookList<Hook, Made>
      title="Incoming webhooks"
      hint="A shop, a form or a payment provider can tell of conversions here in whatever JSON it sends. The email or phone in it says whose they are. Programs of your own had better use the API."
      none="There is no address yet."
      again="make"
      list={list}
      fresh={(made, close) => (
        <Once title={`Copy the address of “${made.hook.name}” now.`} text="Whoever has it can tell of conversions. It cannot be shown again, only made new." secret={made.url} testid="hook-url" onClose={close} />
      )}
      card={(h, made) => <Card key={h.id} hook={h} onChange={list.reload} onAddress={made} />}
      form={(made, close) => <Form onMade={made} onSaved={() => undefined} onClose={close} />}
      add={(open) => (
        <button type="button" class="button" onClick={open} data-opens="new hook" data-testid="add-hook">
          Make an address
        </button>
      )}
    />
  );
}

function Card({ hook: h, onChange, onAddress }: { hook: Hook; onChange: () => void; onAddress: (m: Made) => void }) {
  const [open, setOpen] = useState<"" | "edit" | "renew" | "delete">("");
  const close = () => setOpen("");
  const path = { id: h.id };
  return (
    <article class="card connection" aria-label={h.name} data-testid="hook">
      <header>
        <div>
          <h3>{h.name}</h3>
          <p class="sub">Makes conversions called {h.conversion}</p>
        </div>
      </header>
      <dl class="facts">
        <div>
          <dt>Taken</dt>
          <dd data-field="taken">
            {h.taken}
            {h.last_taken_at && `, the last ${ago(h.last_taken_at, zone())}`}
          </dd>
        </div>
        <div>
          <dt>Refused</dt>
          <dd data-field="refused">
            {h.refused}
            {h.last_refused_at && `, the last ${ago(h.last_refused_at, zone())}`}
          </dd>
        </div>
        <div>
          <dt>Value</dt>
          <dd>{h.value_path ? `at ${h.value_path}` : h.value === null ? "None" : `${h.value} ${h.currency || currency()}`}</dd>
        </div>
      </dl>
      {h.last_refusal && (
        <p data-field="refusal">Last refusal: {h.last_refusal}</p>
      )}
      {open === "edit" ? (
        <Form
          of={h}
          onMade={onAddress}
          onSaved={() => {
            close();
            onChange();
          }}
          onClose={close}
        />
      ) : (
        <div class="actions">
          <button type="button" class="button" onClick={() => setOpen("edit")} data-opens={`hook ${h.id}`} data-testid="edit-hook">
            Change
          </button>
          <button type="button" class="button" onClick={() => setOpen("renew")} data-testid="renew-hook">
            Renew the address
          </button>
          <button type="button" class="button" onClick={() => setOpen("delete")} data-testid="delete-hook">
            Delete
          </button>
        </div>
      )}
      {open === "renew" && (
        <Ask
          title={`Renew the address of “${h.name}”?`}
          text="What is sent to the present address is refused within a second. Have the new one ready to be put in its place."
          label="Renew it"
          onClose={close}
          act={async () => onAddress(await ask("post", "/api/v1/hooks/{id}/token", { path }))}
        />
      )}
      {open === "delete" && (
        <Ask
          title={`Delete the address of “${h.name}”?`}
          text="What is sent to it is refused within a second. Conversions that it made stay."
          label="Delete"
          onClose={close}
          act={async () => {
            await ask("delete", "/api/v1/hooks/{id}", { path });
            onChange();
          }}
        />
      )}
    </article>
  );
}

const places = [
  { name: "email_path", label: "Email", hint: "found by itself" },
  { name: "phone_path", label: "Phone", hint: "found by itself" },
  { name: "id_path", label: "Id of the conversion", hint: "data.order.id" },
  { name: "value_path", label: "Value", hint: "data.order.total" },
] as const;

function Form({ of, onMade, onSaved, onClose }: { of?: Hook; onMade: (m: Made) => void; onSaved: () => void; onClose: () => void }) {
  const form = useOpened(of ? `hook ${of.id}` : "new hook");
  const { problem, busy, onSubmit } = useSubmit(async (typed) => {
    const body: Schemas["IncomingHookInput"] = { name: typed("name"), conversion: typed("conversion") };
    if (typed("value")) body.value = Number(typed("value"));
    if (typed("currency")) body.currency = typed("currency").toUpperCase();
    for (const p of places) if (typed(p.name)) body[p.name] = typed(p.name);
    if (of) {
      await ask("put", "/api/v1/hooks/{id}", { path: { id: of.id }, body });
      onSaved();
    } else onMade(await ask("post", "/api/v1/hooks", { body }));
  });
  return (
    <form ref={form} class="hook-form" onSubmit={onSubmit} data-testid="hook-form">
      {!of && <h3>New address</h3>}
      {problem && <ProblemNote problem={problem} />}
      <div class="hook-fields">
        <label>
          What sends to it
          <input name="name" type="text" required maxLength={100} placeholder="Shop" defaultValue={of?.name} data-testid="hook-name" />
        </label>
        <label>
          What its conversions are called
          <input name="conversion" type="text" required maxLength={100} placeholder="purchase" defaultValue={of?.conversion} data-testid="hook-conversion" />
        </label>
        <label>
          Value of each
          <input name="value" type="number" step="any" placeholder="none" defaultValue={of?.value === null || of?.value === undefined ? "" : String(of.value)} />
        </label>
        <label>
          Currency
          <input name="currency" type="text" maxLength={3} pattern="[A-Za-z]{3}" placeholder={currency()} defaultValue={of?.currency} />
        </label>
      </div>
      <fieldset>
        <legend>Where things stand in what is sent</legend>
        <p class="hint">
          All of it is optional. Write the names on the way with dots between them. Where no email or phone is named, the only one in it is taken; where no id is named, the same content counts once. A value that stands in it goes before the one above.
        </p>
        <div class="hook-fields">
          {places.map((p) => (
            <label key={p.name}>
              {p.label}
              <input name={p.name} type="text" maxLength={200} placeholder={p.hint} defaultValue={of?.[p.name]} />
            </label>
          ))}
        </div>
      </fieldset>
      <div class="actions">
        <button type="submit" class="button button-main" disabled={busy} data-testid="save-hook">
          {busy ? "One moment…" : of ? "Save" : "Make it"}
        </button>
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </form>
  );
}
