// The form of a destination: where conversions go, which, when, and as what.
import { useId, useState } from "preact/hooks";
import { dayStart, metaEvents, platformWords, type Asked, type Platform } from "../ads";
import { ask, type Schemas } from "../api/client";
import { forget, useQuery } from "../api/query";
import { today } from "../dates";
import { conversionLabel } from "../models";
import { may, session, zone } from "../session";
import { useAct, useSubmit } from "../ui/form";
import { go } from "../url";
import { Choice, Head, Link, ProblemNote, Skeleton } from "../ui/basics";

type Input = Schemas["DestinationInput"];
type Target = Schemas["AdTarget"];

const back = "/setup/ads";

/** The screen at /setup/ads/new/{platform}. */
export function NewDestination({ platform }: { platform: Platform }) {
  const words = platformWords(platform);
  const fresh: Input = {
    platform,
    name: "",
    account: "",
    action: "",
    event: platform === "meta" ? "Lead" : "",
    conversions: [],
    trigger: "conversion",
    value: { kind: "none" },
    consent: "not_denied",
    dry_run: false,
    paused: false,
  };
  return (
    <>
      <Head title={`New destination at ${words.name}`} />
      <Form
        start={fresh}
        save={async (body) => {
          await ask("post", "/api/v1/destinations", { body });
        }}
      />
    </>
  );
}

/** The screen at /setup/ads/{id}/edit. */
export function EditDestination({ id }: { id: string }) {
  const now = useQuery(`destination ${id}`, (signal) => ask("get", "/api/v1/destinations/{id}", { path: { id }, signal }));
  return (
    <>
      <Head title={now.data ? `Edit ${now.data.name}` : "Edit a destination"} />
      {now.problem && <ProblemNote problem={now.problem} again={now.reload} />}
      {!now.data && now.loading && <Skeleton lines={8} />}
      {now.data && (
        <Form
          key={now.data.id}
          start={now.data}
          save={async (body) => {
            await ask("put", "/api/v1/destinations/{id}", { path: { id }, body });
          }}
        />
      )}
    </>
  );
}

/** Only what may be sent: what is read has more. */
function inputOf(d: Input): Input {
  const { platform, name, account, action, action_name, event, conversions, trigger, stage, value, consent, dry_run, test_code, paused, from } = d;
  const whole: Input = { platform, name: name.trim(), account: account.trim(), action: action.trim(), conversions, trigger, value, consent, dry_run, paused };
  if (action_name) whole.action_name = action_name;
  if (event) whole.event = event.trim();
  if (trigger === "stage" && stage) whole.stage = stage;
  if (test_code) whole.test_code = test_code.trim();
  if (from) whole.from = from;
  return whole;
}

function Form({ start, save }: { start: Input; save: (body: Input) => Promise<void> }) {
  const [d, setD] = useState<Input>(start);
  const stages = useQuery("stages", (signal) => ask("get", "/api/v1/stages", { signal }));
  const names = stages.data?.items.map((s) => s.name) ?? [];
  const change = (part: Partial<Input>) => setD((before) => ({ ...before, ...part }));
  const { problem, busy, onSubmit } = useSubmit(async () => {
    await save(inputOf(d));
    forget();
    go(back);
  });
  return (
    <form class="stack destination-form" onSubmit={onSubmit} data-testid="destination-form">
      <fieldset disabled={busy || !may("admin")}>
        <legend class="hidden">The destination</legend>
        <section class="panel" aria-label="Where to">
          <h2>Where to</h2>
          <Text label="Name" hint="For you and your colleagues." value={d.name} required max={100} example="Chats" onChange={(name) => change({ name })} testid="name" />
          <Where d={d} onChange={change} />
        </section>
        <section class="panel" aria-label="What is sent, and when">
          <h2>What is sent, and when</h2>
          <Conversions chosen={d.conversions} onChange={(conversions) => change({ conversions })} />
          <Trigger d={d} stages={names} onChange={change} />
          <From start={start} from={d.from} onChange={(from) => change({ from })} />
        </section>
        <section class="panel" aria-label="Value">
          <h2>Value</h2>
          <Value value={d.value} stages={names} onChange={(value) => change({ value })} />
        </section>
        <section class="panel" aria-label="Consent, and trying out">
          <h2>Consent, and trying out</h2>
          <Careful d={d} onChange={change} />
        </section>
        {problem && <ProblemNote problem={problem} />}
        <span class="actions">
          {may("admin") ? (
            <button type="submit" class="button button-main" data-testid="save-destination">
              {busy ? "One moment…" : "Save"}
            </button>
          ) : (
            <p class="hint">An Owner or an Admin can change this.</p>
          )}
          <Link href={back} class="button">
            Cancel
          </Link>
        </span>
      </fieldset>
    </form>
  );
}

function Text(props: { label: string; hint?: string; value: string; example?: string; required?: boolean; max: number; list?: string; onChange: (text: string) => void; testid: string }) {
  const id = useId();
  return (
    <div class="field">
      <label>
        {props.label}
        <input
          type="text"
          value={props.value}
          required={props.required}
          maxLength={props.max}
          placeholder={props.example}
          list={props.list}
          autocomplete="off"
          aria-describedby={props.hint ? id : undefined}
          onInput={(e) => props.onChange(e.currentTarget.value)}
          data-testid={props.testid}
        />
      </label>
      {props.hint && (
        <p class="hint" id={id}>
          {props.hint}
        </p>
      )}
    </div>
  );
}

/** The numbers that the platform knows the destination by. */
function Where({ d, onChange }: { d: Input; onChange: (part: Partial<Input>) => void }) {
  const words = platformWords(d.platform);
  return (
    <>
      {words.account && <Number_ asked={words.account} value={d.account} onChange={(account) => onChange({ account })} testid="account" />}
      {d.platform === "linkedin" ? (
        <Rules d={d} asked={words.action} onChange={onChange} />
      ) : (
        <>
          <Number_ asked={words.action} value={d.action} onChange={(action) => onChange({ action })} testid="action" />
          <Text
            label={`Name of the ${words.product} (optional)`}
            hint={`As ${words.name} writes it, to recognise it by.`}
            value={d.action_name ?? ""}
            max={200}
            onChange={(action_name) => onChange({ action_name })}
            testid="action-name"
          />
        </>
      )}
      {words.event && (
        <>
          <Number_ asked={words.event} value={d.event ?? ""} list="meta-events" onChange={(event) => onChange({ event })} testid="event" />
          <datalist id="meta-events">
            {metaEvents.map((e) => (
              <option key={e} value={e} />
            ))}
          </datalist>
        </>
      )}
    </>
  );
}

function Number_({ asked, ...rest }: { asked: Asked; value: string; list?: string; onChange: (text: string) => void; testid: string }) {
  return <Text label={asked.label} hint={asked.hint} example={asked.example} required max={50} {...rest} />;
}

/** LinkedIn's rules: picked from a list once it was asked for, typed else. */
function Rules({ d, asked, onChange }: { d: Input; asked: Asked; onChange: (part: Partial<Input>) => void }) {
  const [found, setFound] = useState<Target[] | null>(null);
  const { problem, busy, act } = useAct();
  const look = () =>
    act(async () => {
      const answer = await ask("get", "/api/v1/ads/{platform}/targets", { path: { platform: d.platform }, query: { account: d.account.trim() } });
      setFound(answer.items);
      const only = answer.items.find((t) => t.id === d.action) ?? answer.items.find((t) => t.active);
      if (only) onChange({ action: only.id, action_name: only.name });
    });
  const chosen = found?.find((t) => t.id === d.action);
  return (
    <>
      <p class="actions">
        <button type="button" class="button" disabled={busy || !d.account.trim()} onClick={() => void look()} data-testid="list-rules">
          {busy ? "Asking LinkedIn…" : "List the rules of this account"}
        </button>
      </p>
      {problem && <ProblemNote problem={problem} />}
      {found && found.length === 0 && <p class="hint">The account has no conversion rule for the Conversions API. Make one in Campaign Manager under Measurement → Conversion tracking, and list them again.</p>}
      {found && found.length > 0 ? (
        <>
          <Choice
            label="Conversion rule"
            value={d.action}
            options={found.map((t) => ({ id: t.id, label: t.active ? t.name : `${t.name} (switched off)` }))}
            onChange={(action) => onChange({ action, action_name: found.find((t) => t.id === action)?.name ?? "" })}
            testid="rule"
          />
          {chosen && !chosen.active && <p class="hint">This rule is switched off at LinkedIn, which takes what is sent to it and counts nothing. Switch it on there, or choose another.</p>}
        </>
      ) : (
        <Number_ asked={asked} value={d.action} onChange={(action) => onChange({ action, action_name: "" })} testid="action" />
      )}
    </>
  );
}

const chats = ["intercom_conversation", "hubspot_conversation"];

/** Which conversions go: the two chats by a tick, others by their name. */
function Conversions({ chosen, onChange }: { chosen: string[]; onChange: (names: string[]) => void }) {
  const all = chosen.length === 0 ? chats : chosen;
  const [text, setText] = useState(chosen.filter((c) => !chats.includes(c)).join(", "));
  const others = (from: string) => from.split(/[,\n]+/).map((s) => s.trim()).filter(Boolean);
  const put = (ticked: string[], more: string[]) => onChange([...ticked, ...more]);
  const ticked = all.filter((c) => chats.includes(c));
  return (
    <fieldset class="group">
      <legend>Which conversions</legend>
      {chats.map((c) => (
        <label key={c} class="tick-box">
          <input
            type="checkbox"
            checked={ticked.includes(c)}
            onChange={(e) => put(chats.filter((one) => (one === c ? e.currentTarget.checked : ticked.includes(one))), others(text))}
            data-testid={`conversion-${c}`}
          />
          {conversionLabel(c)}
        </label>
      ))}
      <Text
        label="Others by name (optional)"
        hint="Goals and what your server records through the API, separated by commas. Where nothing is chosen, both chats are sent."
        value={text}
        max={1000}
        example="signup, order"
        onChange={(now) => {
          setText(now);
          put(ticked, others(now));
        }}
        testid="conversion-others"
      />
    </fieldset>
  );
}

function Trigger({ d, stages, onChange }: { d: Input; stages: string[]; onChange: (part: Partial<Input>) => void }) {
  const options = stages.filter((s) => s !== "New");
  const stage = d.stage || (options.includes("Converted") ? "Converted" : (options[0] ?? ""));
  const known = stage && !options.includes(stage) ? [stage, ...options] : options;
  return (
    <>
      <Choice
        label="Sent"
        value={d.trigger}
        options={[
          { id: "conversion", label: "When the conversion happens" },
          { id: "stage", label: "When its contact reaches a stage" },
        ]}
        onChange={(trigger) => onChange(trigger === "stage" ? { trigger: "stage", stage } : { trigger: "conversion" })}
        testid="trigger"
      />
      {d.trigger === "stage" && (
        <>
          <Choice label="Stage" value={stage} options={known.map((s) => ({ id: s, label: s }))} onChange={(s) => onChange({ stage: s })} testid="trigger-stage" />
          <p class="hint">It is sent once for each conversation, at the time at which somebody moves the contact there.</p>
        </>
      )}
    </>
  );
}

function From({ start, from, onChange }: { start: Input; from: string | undefined; onChange: (from: string | undefined) => void }) {
  const day = from ? today(zone(), new Date(from)) : "";
  const kept = start.from ? today(zone(), new Date(start.from)) : "";
  const put = (text: string) => onChange(text === kept && start.from ? start.from : text ? dayStart(text, zone()) : undefined);
  const id = useId();
  return (
    <div class="field">
      <label>
        Only conversions from
        <input type="date" value={day} aria-describedby={id} onInput={(e) => put(e.currentTarget.value)} data-testid="from" />
      </label>
      <p class="hint" id={id}>
        Left empty, only what happens from now on is sent. Platforms refuse what is too old: Meta after 7 days, Google and LinkedIn after 90.
      </p>
    </div>
  );
}

const valueKinds = [
  { id: "none", label: "None" },
  { id: "fixed", label: "The same for every conversion" },
  { id: "conversion", label: "What the conversion is worth" },
  { id: "stage", label: "By the contact’s stage" },
] as const;

function Value({ value, stages, onChange }: { value: Input["value"]; stages: string[]; onChange: (value: Input["value"]) => void }) {
  const currency = value.currency || session.value?.workspace.currency || "EUR";
  const choose = (kind: string) => {
    const chosen = valueKinds.find((k) => k.id === kind)?.id ?? "none";
    if (chosen === "fixed") onChange({ kind: chosen, fixed: value.fixed ?? 0, currency });
    else if (chosen === "stage") onChange({ kind: chosen, by_stage: value.by_stage ?? {}, currency });
    else onChange({ kind: chosen });
  };
  const amount = (label: string, now: number | undefined, put: (n: number | undefined) => void, testid: string) => (
    <label key={label}>
      {label}
      <input type="number" min={0} max={1_000_000_000} step="any" value={now ?? ""} onInput={(e) => put(e.currentTarget.value === "" ? undefined : Number(e.currentTarget.value))} data-testid={testid} />
    </label>
  );
  const byStage = (stage: string, n: number | undefined) => {
    const next = { ...value.by_stage };
    if (n === undefined) delete next[stage];
    else next[stage] = n;
    onChange({ ...value, by_stage: next });
  };
  return (
    <>
      <Choice label="Value" value={value.kind} options={valueKinds} onChange={choose} testid="value" />
      {value.kind === "conversion" && <p class="hint">Of a conversion that your server records with an amount. A chat has none.</p>}
      {value.kind === "fixed" && amount("Amount", value.fixed, (fixed) => onChange({ ...value, fixed: fixed ?? 0 }), "value-fixed")}
      {value.kind === "stage" && (
        <fieldset class="group">
          <legend>Amount by stage</legend>
          <div class="amounts">{stages.map((s) => amount(s, value.by_stage?.[s], (n) => byStage(s, n), `value-${s}`))}</div>
          <p class="hint">Of a stage without an amount no value is told.</p>
        </fieldset>
      )}
      {(value.kind === "fixed" || value.kind === "stage") && (
        <label>
          Currency
          <input type="text" value={currency} required pattern="[A-Za-z]{3}" maxLength={3} title="Three letters, such as EUR" onInput={(e) => onChange({ ...value, currency: e.currentTarget.value.toUpperCase() })} data-testid="currency" />
        </label>
      )}
    </>
  );
}

function Careful({ d, onChange }: { d: Input; onChange: (part: Partial<Input>) => void }) {
  return (
    <>
      <Choice
        label="Consent"
        value={d.consent}
        options={[
          { id: "not_denied", label: "Everybody but who refused advertising" },
          { id: "granted", label: "Only who agreed to advertising" },
        ]}
        onChange={(consent) => onChange({ consent: consent === "granted" ? "granted" : "not_denied" })}
        testid="consent"
      />
      <p class="hint">What visitors chose comes from your site’s consent banner, by Google’s Consent Mode. Where a site tells nothing, it is neither.</p>
      <label class="tick-box">
        <input type="checkbox" checked={d.dry_run} onChange={(e) => onChange({ dry_run: e.currentTarget.checked })} data-testid="dry-run" />
        Dry run
      </label>
      <p class="hint">{platformWords(d.platform).dryRun}</p>
      {d.platform === "meta" && (
        <Text
          label="Test event code (optional)"
          hint="From Events Manager → Test events. While it is set, events show up there and do not count."
          value={d.test_code ?? ""}
          max={60}
          example="TEST12345"
          onChange={(test_code) => onChange({ test_code })}
          testid="test-code"
        />
      )}
    </>
  );
}
