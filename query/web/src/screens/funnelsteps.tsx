// The steps of a funnel, to be edited, moved, added and removed, and what must
// not happen between them.
import { useRef, useState } from "preact/hooks";
import { plural } from "../format";
import { maxExclusions, maxSteps, minSteps, operators, placed, stepError, stepLabel, type Exclusion, type Operator, type Step } from "../funnel";
import { useGoals } from "../goals";
import { Choice } from "../ui/basics";
import { Icon } from "../ui/icon";

const kinds = [
  { id: "pageview", label: "Page view" },
  { id: "event", label: "Custom event" },
  { id: "chat_opened", label: "Chat opened" },
  { id: "intercom_conversation", label: "Intercom conversation" },
  { id: "hubspot_conversation", label: "HubSpot conversation" },
  { id: "contact", label: "Contact created" },
  { id: "goal", label: "Other conversion" },
] as const;

type Kind = (typeof kinds)[number]["id"];

const named = "goal ";

/** What a step may be: the goals stand before the conversions that have to be written. */
function useKinds(): readonly { id: string; label: string }[] {
  const goals = useGoals().data?.items ?? [];
  return [...kinds.slice(0, -1), ...goals.map((g) => ({ id: named + g.name, label: `Goal: ${g.name}` })), ...kinds.slice(-1)];
}

/** Which of them a step is. */
function choiceOf(step: Step, all: readonly { id: string }[]): string {
  const kind = kindOf(step);
  return kind === "goal" ? (all.find((k) => k.id === named + (step.name ?? ""))?.id ?? kind) : kind;
}

function chosen(id: string): Step {
  return id.startsWith(named) ? { type: "conversion", name: id.slice(named.length) } : stepOf(id as Kind);
}

function kindOf(step: Step): Kind {
  if (step.type === "event" && step.name === "chat_opened" && !step.properties?.length) return "chat_opened";
  if (step.type !== "conversion") return step.type;
  return kinds.find((k) => k.id === step.name)?.id ?? "goal";
}

function stepOf(kind: Kind): Step {
  switch (kind) {
    case "pageview":
      return { type: "pageview", operator: "starts_with", value: "/" };
    case "event":
      return { type: "event", name: "" };
    case "chat_opened":
      return { type: "event", name: kind };
    case "goal":
      return { type: "conversion", name: "" };
    default:
      return { type: "conversion", name: kind };
  }
}

/** How often a step was met in the days of the report, and by how many; null while it is not known. */
export type Match = { times: number; visitors: number } | null;

/** Where the focus goes with a step that was moved: what had it, or its number where that can do no more. */
function follow(step: Element | undefined, focus: string): void {
  const found = step?.querySelector<HTMLButtonElement>(focus);
  (found && !found.disabled ? found : step?.querySelector<HTMLElement>(".step-number"))?.focus();
}

/** The list of steps. Each is moved by its number: dragged, or with the arrow keys; by its buttons; or with Alt and the arrow keys from wherever the focus is in it. */
export function Steps({ steps, matches, onChange }: { steps: Step[]; matches: Match[]; onChange: (steps: Step[]) => void }) {
  const all = useKinds();
  const [dragged, setDragged] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const [moved, setMoved] = useState("");
  const list = useRef<HTMLOListElement>(null);
  const replace = (i: number, step: Step) => onChange(steps.map((s, k) => (k === i ? step : s)));
  const move = (from: number, to: number, focus = ".step-number") => {
    if (to < 0 || to >= steps.length) return;
    onChange(placed(steps, from, to));
    setMoved(`${stepLabel(steps[from]!)} is now step ${to + 1} of ${steps.length}.`);
    requestAnimationFrame(() => follow(list.current?.children[to], focus));
  };
  const byKey = (e: KeyboardEvent, i: number) => {
    const handle = e.target instanceof Element && e.target.matches(".step-number");
    if ((e.key !== "ArrowUp" && e.key !== "ArrowDown") || (!handle && !e.altKey) || e.target instanceof HTMLSelectElement) return;
    e.preventDefault();
    const named = e.target instanceof HTMLElement ? e.target.dataset.testid : undefined;
    move(i, i + (e.key === "ArrowUp" ? -1 : 1), handle || !named ? undefined : `[data-testid="${named}"]`);
  };
  const drop = (to: number) => {
    if (dragged !== null && dragged !== to) move(dragged, to);
    setDragged(null);
    setOver(null);
  };
  return (
    <>
      <ol class="steps" ref={list}>
        {steps.map((step, i) => (
          <li
            key={i}
            class={over === i && dragged !== i ? "step step-over" : "step"}
            data-testid={`step-${i + 1}`}
            onKeyDown={(e) => byKey(e, i)}
            onDragOver={(e) => {
              if (dragged === null) return;
              e.preventDefault();
              setOver(i);
            }}
            onDrop={(e) => {
              e.preventDefault();
              drop(i);
            }}
          >
            <div class="step-head">
              <button
                type="button"
                class="step-number"
                draggable
                aria-label={`Step ${i + 1} of ${steps.length}: move it with the arrow keys, or drag it`}
                data-testid="step-handle"
                onDragStart={(e) => {
                  e.dataTransfer?.setData("text/plain", String(i));
                  setDragged(i);
                }}
                onDragEnd={() => drop(dragged ?? i)}
              >
                {i + 1}
              </button>
              <Choice label={`Step ${i + 1}`} quiet value={choiceOf(step, all)} options={all} onChange={(id) => replace(i, chosen(id))} testid="step-kind" />
              <span class="step-tools">
                <button type="button" class="button button-icon" aria-label={`Move step ${i + 1} up`} disabled={i === 0} onClick={() => move(i, i - 1, '[data-testid="move-up"]')} data-testid="move-up">
                  <Icon name="up" />
                </button>
                <button type="button" class="button button-icon" aria-label={`Move step ${i + 1} down`} disabled={i === steps.length - 1} onClick={() => move(i, i + 1, '[data-testid="move-down"]')} data-testid="move-down">
                  <Icon name="down" />
                </button>
                <button
                  type="button"
                  class="button button-icon"
                  aria-label={`Remove step ${i + 1}`}
                  disabled={steps.length <= minSteps}
                  onClick={() => onChange(steps.filter((_, k) => k !== i))}
                  data-testid="remove-step"
                >
                  <Icon name="close" />
                </button>
              </span>
            </div>
            <StepBody step={step} kind={choiceOf(step, all)} name={`step ${i + 1}`} onChange={(s) => replace(i, s)} />
            <Matched match={matches[i] ?? null} />
          </li>
        ))}
      </ol>
      <p class="hidden" role="status" data-testid="moved">
        {moved}
      </p>
      <button type="button" class="button" disabled={steps.length >= maxSteps} onClick={() => onChange([...steps.slice(0, -1), stepOf("pageview"), ...steps.slice(-1)])} data-testid="add-step">
        <Icon name="plus" />
        Add a step before the last
      </button>
    </>
  );
}

function Matched({ match }: { match: Match }) {
  return (
    <p class="step-matches" data-testid="matches" data-visitors={match?.visitors} aria-live="polite">
      {match === null ? (
        "\u00a0"
      ) : match.times === 0 ? (
        "Nobody in these days"
      ) : (
        <>
          <strong>{plural(match.visitors, "visitor")}</strong> <span>{plural(match.times, "time")}</span>
        </>
      )}
    </p>
  );
}

/** What must not happen between steps. */
export function Exclusions({ list, steps, matches, onChange }: { list: Exclusion[]; steps: number; matches: Match[]; onChange: (list: Exclusion[]) => void }) {
  const all = useKinds();
  const replace = (i: number, e: Exclusion) => onChange(list.map((old, k) => (k === i ? e : old)));
  const pairs = Array.from({ length: steps }, (_, i) => Array.from({ length: steps - i - 1 }, (_, k) => [i + 1, i + k + 2] as const)).flat();
  const places = [{ id: "", label: "between any two steps" }, ...pairs.filter(([a, b]) => !(a === 1 && b === steps)).map(([a, b]) => ({ id: `${a}-${b}`, label: `between steps ${a} and ${b}` }))];
  const put = (e: Exclusion, id: string): Exclusion => {
    const [after, before] = id.split("-").map(Number);
    return id ? { step: e.step, after, before } : { step: e.step };
  };
  return (
    <>
      {list.length > 0 && (
        <ol class="steps" aria-label="What must not happen between steps">
          {list.map((e, i) => (
            <li key={i} class="step step-out" data-testid={`exclusion-${i + 1}`}>
              <div class="step-head">
                <span class="step-not">Not</span>
                <Choice label={`Exclusion ${i + 1}`} quiet value={choiceOf(e.step, all)} options={all} onChange={(id) => replace(i, { ...e, step: chosen(id) })} testid="step-kind" />
                <button type="button" class="button button-icon" aria-label={`Remove exclusion ${i + 1}`} onClick={() => onChange(list.filter((_, k) => k !== i))}>
                  <Icon name="close" />
                </button>
              </div>
              <StepBody step={e.step} kind={choiceOf(e.step, all)} name={`exclusion ${i + 1}`} onChange={(step) => replace(i, { ...e, step })} />
              <div class="step-body">
                <Choice label={`Where exclusion ${i + 1} holds`} quiet value={e.before ? `${e.after ?? 1}-${e.before}` : ""} options={places} onChange={(id) => replace(i, put(e, id))} testid="exclusion-place" />
              </div>
              <Matched match={matches[i] ?? null} />
            </li>
          ))}
        </ol>
      )}
      <button type="button" class="button" disabled={list.length >= maxExclusions} onClick={() => onChange([...list, { step: stepOf("pageview") }])} data-testid="add-exclusion">
        <Icon name="plus" />
        Add an exclusion
      </button>
    </>
  );
}

function StepBody({ step, kind, name, onChange }: { step: Step; kind: string; name: string; onChange: (s: Step) => void }) {
  const error = stepError(step);
  const errorId = `${name.replace(" ", "-")}-error`;
  return (
    <div class="step-body">
      {kind === "pageview" && (
        <div class="step-line">
          <Choice label={`How ${name} compares`} quiet value={step.operator ?? "equals"} options={operators} onChange={(id) => onChange({ ...step, operator: id as Operator })} testid="step-operator" />
          <Text label={`Page of ${name}`} value={step.value ?? ""} placeholder="/pricing" error={error && errorId} onChange={(value) => onChange({ ...step, value })} testid="step-value" />
        </div>
      )}
      {(kind === "event" || kind === "goal") && (
        <Text label={`Name of ${name}`} value={step.name ?? ""} placeholder={kind === "event" ? "chat_opened" : "purchase"} error={error && errorId} onChange={(text) => onChange({ ...step, name: text })} testid="step-name" />
      )}
      {kind === "event" && <Conditions step={step} name={name} onChange={onChange} />}
      {error && (
        <p class="hint" id={errorId}>
          {error}
        </p>
      )}
    </div>
  );
}

/** Conditions on the properties of an event. name is what they belong to. */
export function Conditions({ step, name, onChange }: { step: Step; name: string; onChange: (s: Step) => void }) {
  const list = step.properties ?? [];
  const put = (properties: NonNullable<Step["properties"]>) => onChange({ ...step, properties });
  return (
    <>
      {list.map((p, i) => (
        <div class="step-line step-condition" key={i}>
          <Text label={`Property ${i + 1} of ${name}`} value={p.key} placeholder="plan" error="" onChange={(key) => put(list.map((o, k) => (k === i ? { ...o, key } : o)))} />
          <Choice label="Comparison" quiet value={p.operator} options={operators} onChange={(id) => put(list.map((o, k) => (k === i ? { ...o, operator: id as Operator } : o)))} />
          <Text label={`Value of property ${i + 1} of ${name}`} value={p.value} placeholder="pro" error="" onChange={(value) => put(list.map((o, k) => (k === i ? { ...o, value } : o)))} />
          <button type="button" class="button button-icon" aria-label={`Remove condition ${i + 1} of ${name}`} onClick={() => put(list.filter((_, k) => k !== i))}>
            <Icon name="close" />
          </button>
        </div>
      ))}
      <button type="button" class="link" disabled={list.length >= 10} onClick={() => put([...list, { key: "", operator: "equals", value: "" }])}>
        Add a condition
      </button>
    </>
  );
}

/** A text field whose label is not seen. error is the id of what tells what is wrong. */
export function Text(props: { label: string; value: string; placeholder: string; error: string; onChange: (v: string) => void; testid?: string }) {
  return (
    <input
      type="text"
      aria-label={props.label}
      aria-describedby={props.error || undefined}
      aria-invalid={props.error ? "true" : undefined}
      value={props.value}
      placeholder={props.placeholder}
      maxLength={1000}
      spellcheck={false}
      data-testid={props.testid}
      onInput={(e) => props.onChange(e.currentTarget.value)}
    />
  );
}
