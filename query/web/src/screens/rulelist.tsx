// The list of own rules for channels: moved, edited, added and removed.
import { useRef, useState } from "preact/hooks";
import { channelChoices, comparisons, fields, movedRule, newRule, ruleError, type Condition, type Rule } from "../rules";
import { Choice } from "../ui/basics";
import { Icon } from "../ui/icon";

/** The list. busy: it is being sent, and stays as it is meanwhile. strict: what is missing is said. A rule is moved by its buttons, or by its number with the arrow keys. */
export function RuleList({ rules, onChange, editing, busy, strict }: { rules: Rule[]; onChange: (rules: Rule[]) => void; editing: boolean; busy: boolean; strict: boolean }) {
  const list = useRef<HTMLOListElement>(null);
  const adding = useRef<HTMLButtonElement>(null);
  const [said, setSaid] = useState("");
  const move = (i: number, to: number) => {
    const next = movedRule(rules, i, to);
    if (next === rules) return;
    onChange(next);
    setSaid(`${rules[i]?.name || "The new rule"} is now number ${to + 1} of ${rules.length}.`);
    requestAnimationFrame(() => list.current?.querySelectorAll<HTMLElement>(".step-number")[to]?.focus());
  };
  const remove = (i: number) => {
    onChange(rules.filter((_, k) => k !== i));
    setSaid(`${rules[i]?.name || "The new rule"} was removed.`);
    // The rule that takes its place has the focus, or the one before, or the button that adds one.
    requestAnimationFrame(() => (list.current?.querySelectorAll<HTMLElement>(".step-number")[Math.min(i, rules.length - 2)] ?? adding.current)?.focus());
  };
  const add = () => {
    onChange([...rules, newRule]);
    // The field is there after the next frame.
    requestAnimationFrame(() => list.current?.querySelector<HTMLInputElement>(":scope > li:last-child input")?.focus());
  };
  return (
    <>
      {rules.length === 0 && <p class="no-rules" data-testid="no-rules">There are no own rules; the built-in ones follow GA4’s channels. A rule of your own may say: where the source starts with “partner-”, it is “Partners”.</p>}
      <ol class="channel-rules" ref={list} data-testid="rules">
        {rules.map((r, i) => (
          <li key={i} class="step" data-testid="rule" data-name={r.name}>
            <fieldset disabled={!editing || busy}>
              <legend class="hidden">
                Rule {i + 1}: {r.name}
              </legend>
              <RuleEditor rule={r} number={i + 1} count={rules.length} all={rules} strict={strict} onMove={(to) => move(i, to - 1)} onChange={(next) => onChange(rules.map((o, k) => (k === i ? next : o)))} onRemove={() => remove(i)} />
            </fieldset>
          </li>
        ))}
      </ol>
      <p role="status" class="hidden">
        {said}
      </p>
      {editing && (
        <button ref={adding} type="button" class="button" disabled={busy || rules.length >= 200} onClick={add} data-testid="add-rule">
          <Icon name="plus" />
          Add a rule
        </button>
      )}
    </>
  );
}

interface EditorProps {
  rule: Rule;
  number: number;
  count: number;
  all: Rule[];
  strict: boolean;
  onMove: (to: number) => void;
  onChange: (rule: Rule) => void;
  onRemove: () => void;
}

function RuleEditor({ rule, number, count, all, strict, onMove, onChange, onRemove }: EditorProps) {
  const error = strict ? ruleError(rule) : "";
  const named = rule.name || `rule ${number}`;
  return (
    <>
      <div class="step-head">
        <button
          type="button"
          class="step-number"
          aria-label={`Rule ${number} of ${count}: move it with the arrow keys`}
          onKeyDown={(e) => {
            if (e.key !== "ArrowUp" && e.key !== "ArrowDown") return;
            e.preventDefault();
            onMove(number + (e.key === "ArrowUp" ? -1 : 1));
          }}
          data-testid="rule-handle"
        >
          {number}
        </button>
        <input type="text" aria-label={`Name of rule ${number}`} value={rule.name} placeholder="Partners" maxLength={100} onInput={(e) => onChange({ ...rule, name: e.currentTarget.value })} data-testid="rule-name" />
        <span class="step-tools">
          <button type="button" class="button button-icon" aria-label={`Move ${named} up`} disabled={number === 1} onClick={() => onMove(number - 1)} data-testid="rule-up">
            <Icon name="up" />
          </button>
          <button type="button" class="button button-icon" aria-label={`Move ${named} down`} disabled={number === count} onClick={() => onMove(number + 1)} data-testid="rule-down">
            <Icon name="down" />
          </button>
          <button type="button" class="button button-icon" aria-label={`Remove ${named}`} onClick={onRemove} data-testid="rule-remove">
            <Icon name="trash" />
          </button>
        </span>
      </div>
      <div class="step-body rule-body">
        {rule.conditions.map((c, i) => (
          <ConditionLine key={i} condition={c} of={`condition ${i + 1} of ${named}`} first={i === 0} onChange={(next) => onChange({ ...rule, conditions: rule.conditions.map((o, k) => (k === i ? next : o)) })} onRemove={rule.conditions.length > 1 ? () => onChange({ ...rule, conditions: rule.conditions.filter((_, k) => k !== i) }) : undefined} />
        ))}
        <button type="button" class="link" disabled={rule.conditions.length >= 20} onClick={() => onChange({ ...rule, conditions: [...rule.conditions, { field: "medium", operator: "is", value: "" }] })} data-testid="add-condition">
          Add a condition
        </button>
        <ChannelPicker value={rule.channel} of={named} choices={channelChoices(all)} onChange={(channel) => onChange({ ...rule, channel })} />
        {error && (
          <p class="hint rule-error" role="alert">
            {error}
          </p>
        )}
      </div>
    </>
  );
}

function ConditionLine({ condition: c, of, first, onChange, onRemove }: { condition: Condition; of: string; first: boolean; onChange: (c: Condition) => void; onRemove: (() => void) | undefined }) {
  return (
    <div class="rule-condition">
      <span class="rule-word">{first ? "Where" : "and"}</span>
      <Choice label={`Field of ${of}`} quiet value={c.field} options={fields} onChange={(id) => onChange({ ...c, field: id as Condition["field"] })} testid="rule-field" />
      <Choice label={`Comparison of ${of}`} quiet value={c.operator} options={comparisons} onChange={(id) => onChange({ ...c, operator: id as Condition["operator"] })} testid="rule-operator" />
      <input type="text" aria-label={`Value of ${of}`} value={c.value} placeholder={fields.find((f) => f.id === c.field)?.example} maxLength={500} spellcheck={false} onInput={(e) => onChange({ ...c, value: e.currentTarget.value })} data-testid="rule-value" />
      {onRemove && (
        <button type="button" class="button button-icon" aria-label={`Remove ${of}`} onClick={onRemove}>
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}

/** A channel of the list, or one of one's own that is written. */
function ChannelPicker({ value, of, choices, onChange }: { value: string; of: string; choices: string[]; onChange: (channel: string) => void }) {
  const [writing, setWriting] = useState(false);
  return (
    <div class="rule-condition">
      <span class="rule-word">it is</span>
      <Choice
        label={`Channel of ${of}`}
        quiet
        value={writing ? "" : value}
        options={[...choices.map((id) => ({ id, label: id })), { id: "", label: "A channel of our own…" }]}
        onChange={(id) => {
          setWriting(id === "");
          onChange(id);
        }}
        testid="rule-channel"
      />
      {writing && <input type="text" aria-label={`Name of the channel of ${of}`} value={value} placeholder="Partners" maxLength={100} onInput={(e) => onChange(e.currentTarget.value)} data-testid="rule-own-channel" />}
    </div>
  );
}
