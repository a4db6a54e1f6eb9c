// Settings, Sessions and sources: what begins a session, and what is no
// referrer. A change holds for what comes, ten seconds later.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { loadSession, may } from "../session";
import { ProblemNote, Skeleton } from "../ui/basics";
import { useSubmit } from "../ui/form";

type Saved = Schemas["Settings"];

/** The panel in the settings; who is no Admin can read it. */
export function Sessions() {
  const read = useQuery("settings", (signal) => ask("get", "/api/v1/settings", { signal }));
  const [saved, setSaved] = useState<Saved | null>(null);
  const now = saved && read.data && saved.version >= read.data.version ? saved : read.data;
  return (
    <section class="panel" aria-label="Sessions and sources">
      <header class="panel-head">
        <h2>Sessions and sources</h2>
      </header>
      <p class="hint">A change holds for sessions that begin from ten seconds after it. Earlier ones stay as they are until “sourceloop rebuild” derives them anew.</p>
      {read.problem && <ProblemNote problem={read.problem} again={read.reload} />}
      {!now && read.loading && <Skeleton lines={6} />}
      {now && (
        <Form
          key={now.version}
          now={now}
          fresh={now === saved}
          onSaved={(made) => {
            setSaved(made);
            void loadSession(); // It holds the time zone.
          }}
        />
      )}
    </section>
  );
}

const lines = (text: string) => text.split(/[\s,]+/).filter(Boolean);

function Form({ now, fresh, onSaved }: { now: Saved; fresh: boolean; onSaved: (made: Saved) => void }) {
  const { busy, problem, onSubmit } = useSubmit(async (typed, form) => {
    const ticked = (name: string) => new FormData(form).has(name);
    const body = {
      version: now.version,
      timeout_seconds: Math.round(Number(typed("timeout")) * 60),
      attribution: ticked("attribution"),
      midnight: ticked("midnight"),
      paid_fbclid: ticked("paid_fbclid"),
      zone: typed("zone"),
      domains: lines(typed("domains")),
      gateways: lines(typed("gateways")),
      rules: now.rules,
    };
    onSaved(await ask("put", "/api/v1/settings", { body }));
  });
  return (
    <form class="stack" onSubmit={onSubmit} data-testid="sessions">
      <fieldset disabled={!may("admin")}>
        <legend class="hidden">What begins a session, and what is no referrer</legend>
        <label>
          Minutes without a page view or event that end a session
          <input name="timeout" type="number" min={1} max={600} step="any" required defaultValue={String(now.timeout_seconds / 60)} data-testid="timeout" />
        </label>
        <Tick name="attribution" on={now.attribution} label="Other UTMs, a new ad click or a referrer of another channel begin a session" />
        <Tick name="midnight" on={now.midnight} label="Midnight begins a session, which keeps the source of the one before" />
        <Tick name="paid_fbclid" on={now.paid_fbclid} label="Count every fbclid as paid, also those of links that people share" />
        <label>
          Time zone
          <input name="zone" type="text" required maxLength={64} defaultValue={now.zone} data-testid="zone" />
        </label>
        <label>
          Your own domains, one a line: they are no referrers, nor are their subdomains
          <textarea name="domains" rows={3} data-testid="domains" defaultValue={now.domains.join("\n")} />
        </label>
        <label>
          Payment gateways, one a line: who comes back from one keeps their source
          <textarea name="gateways" rows={4} defaultValue={now.gateways.join("\n")} />
        </label>
        {problem && <ProblemNote problem={problem} />}
        {may("admin") ? (
          <span class="actions">
            <button type="submit" class="button button-main" disabled={busy} data-testid="save-sessions">
              Save
            </button>
            <span role="status">{fresh ? "Saved. It is in force in ten seconds." : ""}</span>
          </span>
        ) : (
          <p class="hint">An Owner or an Admin can change this.</p>
        )}
      </fieldset>
    </form>
  );
}

function Tick({ name, on, label }: { name: string; on: boolean; label: string }) {
  return (
    <label class="tick-box">
      <input type="checkbox" name={name} defaultChecked={on} data-testid={name} />
      {label}
    </label>
  );
}
