// What rules that are not saved yet would change in the last 30 days.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { count, plural } from "../format";
import type { Rule } from "../rules";
import { ProblemNote, Skeleton } from "../ui/basics";
import { Icon } from "../ui/icon";

type Preview = Schemas["ChannelPreview"];
type Change = Schemas["ChannelChange"];

/** The panel. whole: every rule can be asked about. */
export function ChannelPreview({ rules, whole }: { rules: Rule[]; whole: boolean }) {
  const wanted = JSON.stringify(rules);
  const [asked, setAsked] = useState<string | null>(null);
  const answer = useQuery(asked === null ? null : `channel preview ${asked}`, (signal) => ask("post", "/api/v1/settings/preview", { body: { rules: JSON.parse(asked ?? "[]") as Rule[] }, signal }));
  const stale = asked !== wanted;
  const again = () => (stale ? setAsked(wanted) : answer.reload());
  return (
    <section class={asked !== null && answer.loading ? "panel stale" : "panel"} aria-label="Preview" aria-busy={asked !== null && answer.loading}>
      <header class="panel-head">
        <h2>What these rules would change</h2>
        <button type="button" class="button" disabled={!whole} onClick={again} data-testid="preview">
          {asked === null || stale ? "Look at the last 30 days" : "Look again"}
        </button>
      </header>
      {!whole && <p class="hint">Complete the rules to see it.</p>}
      {asked === null && whole && <p class="hint">Every session of the last 30 days is given the channel that these rules would give it. Nothing is saved by looking.</p>}
      {answer.problem && <ProblemNote problem={answer.problem} again={answer.reload} />}
      {asked !== null && !answer.data && answer.loading && <Skeleton lines={4} />}
      {asked !== null && answer.data && <Answer data={answer.data} stale={stale} />}
    </section>
  );
}

function Answer({ data, stale }: { data: Preview; stale: boolean }) {
  const conversions = data.conversions > 0 ? `, and ${count(data.conversions_changed)} of ${count(data.conversions)} conversions by their last touch` : "";
  return (
    <div data-testid="preview-answer" data-changed={data.sessions_changed} data-total={data.sessions}>
      {stale && <p class="hint">The rules were changed since. Look again.</p>}
      <p role="status">
        <strong>{data.changes.length === 0 ? `None of ${plural(data.sessions, "session")} would change.` : `${count(data.sessions_changed)} of ${plural(data.sessions, "session")} would change${conversions}.`}</strong>
      </p>
      <ul class="channel-changes">
        {data.changes.map((c) => (
          <ChangeItem key={`${c.from} → ${c.to}`} change={c} />
        ))}
      </ul>
    </div>
  );
}

function ChangeItem({ change: c }: { change: Change }) {
  return (
    <li data-testid="change" data-from={c.from} data-to={c.to}>
      <details>
        <summary>
          <Icon name="down" />
          <span class="change-way">
            {c.from} <span aria-label="to">→</span> {c.to}
          </span>
          <span class="change-count">
            {plural(c.sessions, "session")}
            {c.conversions > 0 && `, ${plural(c.conversions, "conversion")}`}
          </span>
        </summary>
        <ul class="change-examples">
          {c.examples.map((e) => (
            <li key={`${e.landing_page} ${e.referrer}`}>
              <span class="break">{e.landing_page || "(no page)"}</span>
              <span class="sub break">
                {e.referrer ? `from ${e.referrer}, ` : "without a referrer, "}
                {plural(e.sessions, "session")}, by {ruleWords(e.rule)}
              </span>
            </li>
          ))}
        </ul>
      </details>
    </li>
  );
}

function ruleWords(rule: string): string {
  return rule.startsWith("rule: ") ? `your rule “${rule.slice("rule: ".length)}”` : `the built-in rule “${rule}”`;
}
