// The steps of a funnel, to be edited, moved, added and removed.
import { maxSteps, minSteps, moved, operators, stepError, type Operator, type Step } from "../funnel";
import { Choice } from "../ui/basics";
import { Icon } from "../ui/icon";

const kinds = [
  { id: "pageview", label: "Page view" },
  { id: "event", label: "Custom event" },
  { id: "intercom_conversation", label: "Intercom conversation" },
  { id: "hubspot_conversation", label: "HubSpot conversation" },
  { id: "contact", label: "Contact created" },
  { id: "goal", label: "Other conversion" },
] as const;

type Kind = (typeof kinds)[number]["id"];

function kindOf(step: Step): Kind {
  if (step.type !== "conversion") return step.type;
  return kinds.find((k) => k.id === step.name)?.id ?? "goal";
}

function stepOf(kind: Kind): Step {
  switch (kind) {
    case "pageview":
      return { type: "pageview", operator: "starts_with", value: "/" };
    case "event":
      return { type: "event", name: "" };
    case "goal":
      return { type: "conversion", name: "" };
    default:
      return { type: "conversion", name: kind };
  }
}

/** The list of steps. */
export function Steps({ steps, onChange }: { steps: Step[]; onChange: (steps: Step[]) => void }) {
  const replace = (i: number, step: Step) => onChange(steps.map((s, k) => (k === i ? step : s)));
  return (
    <>
      <ol class="steps">
        {steps.map((step, i) => (
          <li key={i} class="step" data-testid={`step-${i + 1}`}>
            <div class="step-head">
              <span class="step-number" aria-hidden="true">
                {i + 1}
              </span>
              <Choice label={`Step ${i + 1}`} quiet value={kindOf(step)} options={kinds} onChange={(id) => replace(i, stepOf(id as Kind))} testid="step-kind" />
              <span class="step-tools">
                <button type="button" class="button button-icon" aria-label={`Move step ${i + 1} up`} disabled={i === 0} onClick={() => onChange(moved(steps, i, -1))}>
                  <Icon name="up" />
                </button>
                <button type="button" class="button button-icon" aria-label={`Move step ${i + 1} down`} disabled={i === steps.length - 1} onClick={() => onChange(moved(steps, i, 1))}>
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
            <StepBody step={step} number={i + 1} onChange={(s) => replace(i, s)} />
          </li>
        ))}
      </ol>
      <button type="button" class="button" disabled={steps.length >= maxSteps} onClick={() => onChange([...steps.slice(0, -1), stepOf("pageview"), ...steps.slice(-1)])} data-testid="add-step">
        <Icon name="plus" />
        Add a step before the last
      </button>
    </>
  );
}

function StepBody({ step, number, onChange }: { step: Step; number: number; onChange: (s: Step) => void }) {
  const error = stepError(step);
  const kind = kindOf(step);
  const errorId = `step-${number}-error`;
  return (
    <div class="step-body">
      {kind === "pageview" && (
        <div class="step-line">
          <Choice label={`How step ${number} compares`} quiet value={step.operator ?? "equals"} options={operators} onChange={(id) => onChange({ ...step, operator: id as Operator })} testid="step-operator" />
          <Text label={`Page of step ${number}`} value={step.value ?? ""} placeholder="/pricing" error={error && errorId} onChange={(value) => onChange({ ...step, value })} testid="step-value" />
        </div>
      )}
      {(kind === "event" || kind === "goal") && (
        <Text label={`Name of step ${number}`} value={step.name ?? ""} placeholder={kind === "event" ? "chat_opened" : "purchase"} error={error && errorId} onChange={(name) => onChange({ ...step, name })} testid="step-name" />
      )}
      {kind === "event" && <Conditions step={step} number={number} onChange={onChange} />}
      {error && (
        <p class="hint" id={errorId}>
          {error}
        </p>
      )}
    </div>
  );
}

function Conditions({ step, number, onChange }: { step: Step; number: number; onChange: (s: Step) => void }) {
  const list = step.properties ?? [];
  const put = (properties: NonNullable<Step["properties"]>) => onChange({ ...step, properties });
  return (
    <>
      {list.map((p, i) => (
        <div class="step-line step-condition" key={i}>
          <Text label={`Property ${i + 1} of step ${number}`} value={p.key} placeholder="plan" error="" onChange={(key) => put(list.map((o, k) => (k === i ? { ...o, key } : o)))} />
          <Choice label="Comparison" quiet value={p.operator} options={operators} onChange={(id) => put(list.map((o, k) => (k === i ? { ...o, operator: id as Operator } : o)))} />
          <Text label={`Value of property ${i + 1} of step ${number}`} value={p.value} placeholder="pro" error="" onChange={(value) => put(list.map((o, k) => (k === i ? { ...o, value } : o)))} />
          <button type="button" class="button button-icon" aria-label={`Remove condition ${i + 1} of step ${number}`} onClick={() => put(list.filter((_, k) => k !== i))}>
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

function Text(props: { label: string; value: string; placeholder: string; error: string; onChange: (v: string) => void; testid?: string }) {
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
