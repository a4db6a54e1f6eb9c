// The doctor on a card of Setup → Chat: why a chat does not arrive, step by step.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { ago, dateTime } from "../format";
import { may, zone } from "../session";
import { ProblemNote } from "../ui/basics";
import { useAct } from "../ui/form";
import { Icon, type IconName } from "../ui/icon";

type Finding = Schemas["Finding"];

const looks: Record<Finding["state"], { icon: IconName; style: string; label: string }> = {
  ok: { icon: "check", style: "check-ok", label: "is fine" },
  warning: { icon: "warn", style: "check-bad", label: "needs a look" },
  failed: { icon: "close", style: "check-failed", label: "is broken" },
  unknown: { icon: "clock", style: "check-unknown", label: "is not known" },
};

/** The button, and what was found. */
export function Doctor({ connection: c }: { connection: Schemas["Connection"] }) {
  const [found, setFound] = useState<Schemas["Diagnosis"] | null>(null);
  const [page, setPage] = useState("");
  const { problem, busy, act } = useAct();
  if (!may("admin") || c.state === "disconnected") return null;
  const examine = async (event?: Event) => {
    event?.preventDefault();
    await act(async () => {
      const answer = await ask("post", "/api/v1/connections/{provider}/doctor", { path: { provider: c.provider }, body: { page } });
      setFound(answer);
      if (!page) setPage(answer.suggested_page);
    });
  };
  return (
    <section class="doctor" aria-label={`Doctor of ${c.name}`} aria-busy={busy}>
      <button type="button" class="button" disabled={busy} onClick={() => void examine()} data-testid="doctor">
        {busy ? "Looking…" : "Why does a chat not arrive?"}
      </button>
      {problem && <ProblemNote problem={problem} />}
      {found && <Answer found={found} />}
      {found && (
        <form class="doctor-page" onSubmit={(event) => void examine(event)}>
          <label>
            Page with the chat
            <input type="text" inputMode="url" maxLength={2000} value={page} placeholder="https://www.example.com/contact" onInput={(event) => setPage(event.currentTarget.value)} data-testid="doctor-page" />
          </label>
          <button type="submit" class="button" disabled={busy || !page} data-testid="doctor-look">
            Look at this page
          </button>
        </form>
      )}
    </section>
  );
}

function Answer({ found }: { found: Schemas["Diagnosis"] }) {
  const cause = found.findings.find((f) => f.step === found.cause);
  return (
    <div data-testid="diagnosis" data-cause={found.cause}>
      <div class={cause?.state === "failed" ? "note note-bad" : "note"} role="status">
        <Icon name={cause ? "warn" : "check"} />
        <div>
          <strong>{cause ? cause.name : "Nothing is in the way"}</strong>
          <p>{found.headline}</p>
          {cause?.fix && <p class="fix">{cause.fix}</p>}
        </div>
      </div>
      <ol class="checklist">
        {found.findings.map((f) => (
          <Step key={f.step} finding={f} />
        ))}
      </ol>
    </div>
  );
}

function Step({ finding: f }: { finding: Finding }) {
  const look = looks[f.state];
  return (
    <li class={look.style} data-step={f.step} data-state={f.state}>
      <Icon name={look.icon} />
      <div>
        <strong>{f.name}</strong> <span class="hidden">{look.label}</span>
        <p>
          {f.text} {f.means}
        </p>
        {f.state !== "ok" && f.fix && <p class="fix">{f.fix}</p>}
        {f.as_of && (
          <p class="hint" title={dateTime(f.as_of, zone())}>
            As of {ago(f.as_of, zone())}
          </p>
        )}
      </div>
    </li>
  );
}
