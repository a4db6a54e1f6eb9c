// Settings, Channels: the workspace's own rules, in their order, and what a
// change of them would do to the last 30 days.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { forget, useQuery } from "../api/query";
import { addDays, today } from "../dates";
import { ruleError, type Rule } from "../rules";
import { may, zone } from "../session";
import { Head, ProblemNote, Skeleton } from "../ui/basics";
import { focusBack } from "../ui/focus";
import { useAct, useSubmit } from "../ui/form";
import { Rebuilding, useRebuild } from "../ui/rebuilding";
import { ChannelPreview } from "./channelpreview";
import { RuleList } from "./rulelist";

type Saved = Schemas["Settings"];

/** The screen at /settings/channels. */
export function Channels() {
  const read = useQuery("settings", (signal) => ask("get", "/api/v1/settings", { signal }));
  const [saved, setSaved] = useState<Saved | null>(null);
  const now = saved && read.data && saved.version >= read.data.version ? saved : read.data;
  return (
    <>
      <Head title="Channels" />
      <p class="hint">
        Your own rules, tried from the top: the first whose conditions all hold gives a session its channel. Sessions that none takes follow the built-in ones. A session tells the rule’s name as the reason of its
        channel.
      </p>
      {read.problem && <ProblemNote problem={read.problem} again={read.reload} />}
      {!now && read.loading && <Skeleton lines={6} />}
      {now && <Editor key={now.version} now={now} fresh={now === saved} onSaved={setSaved} onReload={read.reload} />}
    </>
  );
}

function Editor({ now, fresh, onSaved, onReload }: { now: Saved; fresh: boolean; onSaved: (made: Saved) => void; onReload: () => void }) {
  const [rules, setRules] = useState<Rule[]>(now.rules);
  const { problem, busy, act } = useAct();
  const [tried, setTried] = useState(false);
  const status = useRef<HTMLSpanElement>(null);
  // What was saved is a new editor, without the button that was pressed: what it says has the focus.
  useEffect(() => {
    if (fresh) focusBack(status.current);
  }, []);
  const editing = may("admin");
  const differs = JSON.stringify(rules) !== JSON.stringify(now.rules);
  const whole = rules.every((r) => !ruleError(r));
  const save = async () => {
    setTried(true);
    const { in_force_from: _, ...body } = now;
    await act(async () => {
      if (!whole) return;
      onSaved(await ask("put", "/api/v1/settings", { body: { ...body, rules } }));
      forget();
    });
  };
  return (
    <div class="channels">
      <section class="panel" aria-label="Rules">
        <RuleList rules={rules} onChange={setRules} editing={editing} busy={busy} strict={tried} />
        {problem && <ProblemNote problem={problem} />}
        {problem?.status === 409 && (
          <button type="button" class="button" onClick={onReload} data-testid="load-rules">
            Load their rules; mine are lost
          </button>
        )}
        {editing ? (
          <div class="actions">
            <button type="button" class="button button-main" disabled={busy || !differs} onClick={() => void save()} data-testid="save-rules">
              {busy ? "One moment…" : "Save"}
            </button>
            <button type="button" class="button" disabled={busy || !differs} onClick={() => setRules(now.rules)} data-testid="reset-rules">
              Undo the changes
            </button>
            <span ref={status} role="status" tabIndex={-1} data-testid="rules-status">{fresh && !differs ? "Saved. It holds for sessions that begin from ten seconds on." : differs ? "Not saved yet." : ""}</span>
          </div>
        ) : (
          <p class="hint">An Owner or an Admin can change this.</p>
        )}
      </section>
      {editing && <ChannelPreview rules={rules} whole={whole} />}
      {editing && <Past fresh={fresh && !differs} />}
    </div>
  );
}

/** Derives the past under the rules that are saved. */
function Past({ fresh }: { fresh: boolean }) {
  const [from, setFrom] = useState(addDays(today(zone()), -29));
  const [asked, setAsked] = useState<string>();
  const rebuild = useRebuild(asked, forget);
  const { problem, busy, onSubmit } = useSubmit(async () => {
    const made = (await ask("post", "/api/v1/rebuilds", { body: { from } })) as Schemas["Rebuild"] | undefined;
    setAsked(made?.id);
    rebuild.reload();
  });
  return (
    <section class="panel" aria-label="The past">
      <header class="panel-head">
        <h2>{fresh ? "Apply to the past too?" : "The past"}</h2>
      </header>
      <p class="hint">
        What is saved holds for sessions to come; earlier ones keep their channels. Deriving the past anew gives everybody who came since a day their sessions, channels and credits under all settings as they are saved
        now.
      </p>
      <form class="past" onSubmit={onSubmit}>
        <label>
          Since
          <input type="date" required max={today(zone())} value={from} onInput={(e) => setFrom(e.currentTarget.value)} data-testid="past-from" />
        </label>
        <button type="submit" class={fresh ? "button button-main" : "button"} disabled={busy || (!!rebuild.now && !rebuild.now.finished)} data-testid="apply-past">
          Derive the past anew
        </button>
      </form>
      {problem && <ProblemNote problem={problem} />}
      <Rebuilding now={rebuild.now} />
    </section>
  );
}
