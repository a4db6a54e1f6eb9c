// Erasing a person: asking for it, and the receipts of what was done.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { dateTime } from "../format";
import { zone } from "../session";
import { Ask } from "../ui/ask";
import { Choice, ProblemNote, Skeleton } from "../ui/basics";

type Who = Schemas["ErasureInput"];

const kinds = [
  { id: "email", label: "Email" },
  { id: "phone", label: "Phone" },
  { id: "user_id", label: "User id" },
  { id: "visitor", label: "One browser (sourceloop_id)" },
] as const;

/** The section of the settings; Admins see it. */
export function Erasures() {
  const [kind, setKind] = useState<(typeof kinds)[number]["id"]>("email");
  const [asking, setAsking] = useState<{ who: Who; name: string } | null>(null);
  const erasures = useQuery("erasures", (signal) => ask("get", "/api/v1/erasures", { signal }), 3_000);
  const submit = (e: SubmitEvent) => {
    e.preventDefault();
    const name = String(new FormData(e.currentTarget as HTMLFormElement).get("who") ?? "").trim();
    if (name) setAsking({ who: { [kind]: name }, name });
  };
  return (
    <section class="panel" aria-label="Erasure">
      <header class="panel-head">
        <h2>Erase a person</h2>
      </header>
      <p class="hint">
        Everything that is known of them goes: browsers, visits, conversations and credits. Of a browser that several people use, only their
        time goes. A contact’s page has a button for this, too.
      </p>
      <form class="new-key" onSubmit={submit}>
        <Choice label="Known by" value={kind} options={kinds} onChange={(id) => setKind(id as typeof kind)} testid="erase-kind" />
        <label>
          Who
          <input name="who" type="text" required maxLength={320} autocomplete="off" data-testid="erase-who" />
        </label>
        <button type="submit" class="button button-danger" data-testid="erase">
          Erase…
        </button>
      </form>
      {erasures.problem && <ProblemNote problem={erasures.problem} again={erasures.reload} />}
      {!erasures.data && erasures.loading && <Skeleton lines={3} />}
      {erasures.data && erasures.data.items.length > 0 && (
        <ul class="talks" data-testid="erasures">
          {erasures.data.items.map((e) => (
            <li key={e.id} data-id={e.id}>
              <p class="talk-head">
                <strong>Erasure {e.id}</strong>
                <time dateTime={e.asked_at}>{dateTime(e.asked_at, zone())}</time>
                <span class={e.hidden ? "tag tag-good" : "tag"}>{e.finished ? "deleted" : e.hidden ? "hidden, off the disk after the next night" : "under way"}</span>
              </p>
              {e.receipt.length > 0 && (
                <details data-testid="receipt">
                  <summary>Receipt</summary>
                  {e.receipt.map((line, i) => (
                    <p key={i}>{line}</p>
                  ))}
                </details>
              )}
            </li>
          ))}
        </ul>
      )}
      {asking && (
        <EraseDialog
          who={asking.who}
          name={asking.name}
          onClose={() => {
            setAsking(null);
            erasures.reload();
          }}
        />
      )}
    </section>
  );
}

/** Asks once more. onClose tells whether the erasure was asked for. */
export function EraseDialog({ who, name, onClose }: { who: Who; name: string; onClose: (asked: boolean) => void }) {
  return (
    <Ask
      title={`Erase ${name}?`}
      text="Everything that arrived by now and is known to be this person’s is deleted, and refused wherever it comes from again."
      label="Erase"
      keep="Keep them"
      testid="erase-dialog"
      confirm="erase-now"
      act={() => ask("post", "/api/v1/erasures", { body: who })}
      onDone={() => onClose(true)}
      onClose={() => onClose(false)}
    >
      <p>This cannot be undone. The chat provider is not touched: delete the person there, too.</p>
    </Ask>
  );
}
