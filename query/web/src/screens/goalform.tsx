// The form of a goal: what reaches it, how often that was met of late, and
// since when it counts.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/client";
import { useQuery } from "../api/query";
import { today } from "../dates";
import { count } from "../format";
import { operators, stepError, type Operator, type Step } from "../funnel";
import { goalBody, goalError, goalKinds, type Goal, type GoalInput } from "../goals";
import { currency, zone } from "../session";
import { Choice, ProblemNote } from "../ui/basics";
import { useOpened } from "../ui/focus";
import { useSubmit } from "../ui/form";
import { Conditions, Text } from "./funnelsteps";

type Change = (part: Partial<GoalInput>) => void;

/** A form that makes a goal, or changes one. */
export function GoalForm({ of, start, onSaved, onClose }: { of: Goal | undefined; start: GoalInput; onSaved: (g: Goal) => void; onClose: () => void }) {
  const form = useOpened(of ? `goal ${of.id}` : "new goal");
  const [draft, setDraft] = useState<GoalInput>(start);
  const [tried, setTried] = useState(false);
  const change: Change = (part) => setDraft((d) => ({ ...d, ...part }));
  const error = goalError(draft);
  const { problem, busy, onSubmit } = useSubmit(async () => {
    setTried(true);
    if (error) return;
    const body = goalBody(draft);
    onSaved(of ? await ask("put", "/api/v1/goals/{id}", { path: { id: of.id }, body }) : await ask("post", "/api/v1/goals", { body }));
  });
  return (
    <form ref={form} class={of ? "goal-form" : "goal-form panel"} onSubmit={onSubmit} aria-label={of ? `Change ${of.name}` : "New goal"} data-testid="goal-form">
      {!of && <h2>New goal</h2>}
      <label>
        Name
        <input type="text" required pattern=".*\S.*" maxLength={120} placeholder="Saw the prices" value={draft.name} onInput={(e) => change({ name: e.currentTarget.value })} data-testid="goal-name" />
      </label>
      {of && draft.name.trim() !== of.name && <p class="hint">Its conversions are renamed with it. Saved funnels, ad destinations and links that name “{of.name}” have to be changed by hand.</p>}
      <Kind value={draft.kind} onChange={(kind) => change({ kind })} />
      <div class="goal-reached">
        <Reached draft={draft} change={change} error={tried ? error : ""} />
      </div>
      <div class="goal-amounts">
        <label>
          {draft.kind === "api" ? "Value of one that comes without" : "Value of each"}, in {currency()} (may stay empty)
          <input type="number" min={0} max={1e12} step="any" value={draft.worth ?? ""} onInput={(e) => change({ worth: Number(e.currentTarget.value) || 0 })} data-testid="goal-worth" />
        </label>
        {draft.kind !== "api" && <Since from={draft.from} change={change} />}
      </div>
      {problem && <ProblemNote problem={problem} />}
      <div class="actions">
        <button type="submit" class="button button-main" disabled={busy} data-testid="save-goal">
          {busy ? "One moment…" : of ? "Save" : "Add it"}
        </button>
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <span class="sub">The past is counted as soon as it is saved.</span>
      </div>
    </form>
  );
}

function Kind({ value, onChange }: { value: GoalInput["kind"]; onChange: (kind: GoalInput["kind"]) => void }) {
  return (
    <fieldset class="goal-kinds">
      <legend>What reaches it</legend>
      {goalKinds.map((k) => (
        <label key={k.id} class={k.id === value ? "goal-kind goal-kind-on" : "goal-kind"}>
          <input type="radio" name="goal-kind" value={k.id} checked={k.id === value} onChange={() => onChange(k.id)} data-testid={`kind-${k.id}`} />
          <span>
            <strong>{k.label}</strong>
            <span class="sub">{k.text}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function Reached({ draft, change, error }: { draft: GoalInput; change: Change; error: string }) {
  const wrong = error ? "goal-error" : "";
  return (
    <>
      {draft.kind === "page" && (
        <div class="step-line">
          <Choice label="How the page compares" quiet value={draft.operator ?? "equals"} options={operators} onChange={(id) => change({ operator: id as Operator })} testid="goal-operator" />
          <Text label="Page" value={draft.value ?? ""} placeholder="/pricing" error={wrong} onChange={(value) => change({ value })} testid="goal-value" />
        </div>
      )}
      {draft.kind === "event" && <Event draft={draft} change={change} wrong={wrong} />}
      {draft.kind === "stage" && <Stage value={draft.stage ?? ""} change={change} />}
      {draft.kind === "api" && (
        <p class="hint">
          Nothing else has to be set: conversions that your server sends to <code>POST /api/v1/conversions</code>, or that come in by a webhook, with the name <strong>{draft.name.trim() || "of the goal"}</strong>{" "}
          are this goal.
        </p>
      )}
      {error && (
        <p class="hint" id="goal-error" role="alert">
          {error}
        </p>
      )}
      {(draft.kind === "page" || draft.kind === "event") && <Matches draft={draft} />}
    </>
  );
}

function Event({ draft, change, wrong }: { draft: GoalInput; change: Change; wrong: string }) {
  const step: Step = { type: "event", name: draft.event ?? "", properties: draft.properties ?? [] };
  return (
    <>
      <label>
        The event’s name
        <Text label="Event" value={draft.event ?? ""} placeholder="trial" error={wrong} onChange={(event) => change({ event })} testid="goal-event" />
      </label>
      <Conditions step={step} name="the event" onChange={(s) => change({ properties: s.properties ?? [] })} />
    </>
  );
}

function Stage({ value, change }: { value: string; change: Change }) {
  const stages = useQuery("stages", (signal) => ask("get", "/api/v1/stages", { signal }));
  const names = (stages.data?.items ?? []).slice(1).map((s) => s.name); // Everybody begins in the first.
  if (value && !names.includes(value)) names.push(value);
  if (stages.problem) return <ProblemNote problem={stages.problem} again={stages.reload} />;
  return <Choice label="Stage" value={value} options={[{ id: "", label: "Choose a stage" }, ...names.map((id) => ({ id, label: id }))]} onChange={(stage) => change({ stage })} testid="goal-stage" />;
}

function Since({ from, change }: { from: string | undefined; change: Change }) {
  return (
    <div class="goal-since">
      <Choice
        label="Count"
        value={from ? "day" : "all"}
        options={[
          { id: "all", label: "all that is stored" },
          { id: "day", label: "from a day on" },
        ]}
        onChange={(id) => change({ from: id === "day" ? today(zone()) : "" })}
        testid="goal-since"
      />
      {from && <input type="date" aria-label="The first day that counts" required value={from} onInput={(e) => change({ from: e.currentTarget.value || from })} data-testid="goal-from" />}
    </div>
  );
}

/** How often what reaches a goal was met in the last 30 days, asked when typing pauses. */
function Matches({ draft }: { draft: GoalInput }) {
  const step: Step = draft.kind === "page" ? { type: "pageview", operator: draft.operator ?? "equals", value: draft.value?.trim() ?? "" } : { type: "event", name: draft.event?.trim() ?? "", properties: draft.properties ?? [] };
  const whole = !goalError(draft) && !stepError(step);
  const wanted = whole ? JSON.stringify(step) : "";
  const [paused, setPaused] = useState(wanted);
  useEffect(() => {
    const timer = setTimeout(() => setPaused(wanted), 400);
    return () => clearTimeout(timer);
  }, [wanted]);
  const found = useQuery(paused ? `goal matches ${paused}` : null, (signal) => ask("post", "/api/v1/funnels/matches", { body: { steps: [JSON.parse(paused) as Step] }, signal }));
  const one = found.data?.items[0];
  if (found.problem) return <ProblemNote problem={found.problem} />;
  return (
    <p class="hint" aria-live="polite" data-testid="goal-matches" data-times={one?.times}>
      {!one || !whole ? "\u00a0" : one.times === 0 ? "Nobody in the last 30 days. Look at how it is spelt, or go on if it is yet to come." : `${count(one.times)} times by ${count(one.visitors)} visitors in the last 30 days. Those whom nobody knows count once they have an email or a phone.`}
    </p>
  );
}
