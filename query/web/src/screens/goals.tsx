// Settings, Goals: what the workspace counts as conversions of its own.
import { useState } from "preact/hooks";
import { ask } from "../api/client";
import { forget, useQuery } from "../api/query";
import { addDays, today } from "../dates";
import { count, date, money, plural } from "../format";
import { goalWords, useGoals, type Goal, type GoalInput } from "../goals";
import { currency, may, zone } from "../session";
import { Ask } from "../ui/ask";
import { Empty, Head, Link, ProblemNote, Skeleton } from "../ui/basics";
import { Icon } from "../ui/icon";
import { Rebuilding, useRebuild } from "../ui/rebuilding";
import { GoalForm } from "./goalform";

const example: GoalInput = { name: "Saw the prices", kind: "page", operator: "equals", value: "/pricing" };

/** The screen at /settings/goals. */
export function Goals() {
  const goals = useGoals();
  const [form, setForm] = useState<{ of?: Goal; start: GoalInput } | null>(null);
  const [asked, setAsked] = useState<string>();
  const [turn, setTurn] = useState(0);
  const rebuild = useRebuild(asked, () => {
    forget(); // Every report may have changed.
    setTurn((n) => n + 1);
  });
  const changed = (saved?: Goal) => {
    setForm(null);
    if (saved?.rebuild) setAsked(saved.rebuild);
    goals.reload();
    rebuild.reload();
  };
  const items = goals.data?.items ?? [];
  const editing = may("editor");
  const formOf = (start: GoalInput, of?: Goal) => <GoalForm key={of?.id ?? "new"} of={of} start={start} onSaved={changed} onClose={() => setForm(null)} />;
  return (
    <>
      <Head title="Goals">
        {editing && items.length > 0 && !(form && !form.of) && (
          <button type="button" class="button button-main" onClick={() => setForm({ start: { name: "", kind: "page", operator: "equals", value: "" } })} data-opens="new goal" data-testid="add-goal">
            <Icon name="plus" />
            Add a goal
          </button>
        )}
      </Head>
      <p class="hint">What counts as a conversion, beside chats. A goal counts once its contact has an email or a phone, and then for all they did before. Reports credit it, and funnels take it as a step.</p>
      <Rebuilding now={rebuild.now} />
      {goals.problem && <ProblemNote problem={goals.problem} again={goals.reload} />}
      {!goals.data && goals.loading && <Skeleton lines={5} />}
      {form && !form.of && formOf(form.start)}
      {goals.data && items.length === 0 && !form && <NoGoals onStart={editing ? (start) => setForm({ start }) : undefined} />}
      <ul class="goals" data-testid="goals">
        {items.map((g) => (
          <li key={g.id} class="card goal" data-testid="goal" data-name={g.name}>
            {form?.of?.id === g.id ? formOf(form.start, g) : <Row goal={g} turn={turn} counting={!!rebuild.now && !rebuild.now.finished} onEdit={editing ? () => setForm({ of: g, start: g }) : undefined} onDelete={() => changed()} />}
          </li>
        ))}
      </ul>
      {goals.data && !editing && <p class="hint">An Owner, an Admin or an Editor can change this.</p>}
    </>
  );
}

function NoGoals({ onStart }: { onStart: ((start: GoalInput) => void) | undefined }) {
  return (
    <Empty kind="nothing" title="No goals yet">
      <p>
        Chats are counted without one. A goal counts something else: who looked at <strong>/pricing</strong>, who sent the event <strong>trial</strong>, who came to the stage <strong>Converted</strong>, or what
        your server reports. It also counts the past.
      </p>
      {onStart && (
        <span class="actions">
          <button type="button" class="button button-main" onClick={() => onStart(example)} data-testid="example-goal">
            Begin with “{goalWords(example)}”
          </button>
          <button type="button" class="button" onClick={() => onStart({ ...example, name: "", value: "" })} data-opens="new goal" data-testid="add-goal">
            Begin with nothing
          </button>
        </span>
      )}
    </Empty>
  );
}

/** How many conversions of a name the last 30 days had. */
function useConversions(name: string, turn: number, counting: boolean): number | undefined {
  const to = today(zone());
  const query = { from: addDays(to, -29), to, dimension: "channel", conversion: name } as const;
  return useQuery(`conversions ${JSON.stringify(query)} ${turn}`, (signal) => ask("get", "/api/v1/attribution", { query, signal }), counting ? 5_000 : 0).data?.total;
}

function Row({ goal: g, turn, counting, onEdit, onDelete }: { goal: Goal; turn: number; counting: boolean; onEdit: (() => void) | undefined; onDelete: () => void }) {
  const [leaving, setLeaving] = useState(false);
  const total = useConversions(g.name, turn, counting);
  const more = [
    g.worth ? `${money(g.worth, currency())} ${g.kind === "api" ? "when it comes without a value" : "each"}` : "",
    g.from ? `counted from ${date(`${g.from}T12:00:00Z`, "UTC")} on` : "",
  ].filter(Boolean);
  return (
    <>
      <div class="goal-what">
        <h2>{g.name}</h2>
        <p class="break" data-field="words">
          {goalWords(g)}
        </p>
        {more.length > 0 && <p class="sub">{more.join(", ")}</p>}
      </div>
      <p class="goal-count" data-field="conversions" data-value={total}>
        <Link href={`/dashboards/traffic?${new URLSearchParams({ conversion: g.name, period: "30d" })}`} aria-label={`${total === undefined ? "" : count(total)} ${g.name} in the last 30 days: open them in Traffic`}>
          {total === undefined ? "–" : count(total)}
        </Link>
        <span class="sub">in the last 30 days</span>
      </p>
      {onEdit && (
        <span class="actions">
          <button type="button" class="button" onClick={onEdit} data-opens={`goal ${g.id}`} aria-label={`Change ${g.name}`} data-testid="edit-goal">
            Change
          </button>
          <button type="button" class="button button-icon" aria-label={`Delete ${g.name}`} onClick={() => setLeaving(true)} data-testid="delete-goal">
            <Icon name="trash" />
          </button>
        </span>
      )}
      {leaving && (
        <Ask
          title={`Delete the goal “${g.name}”?`}
          text={consequences(g, total)}
          label="Delete"
          onClose={() => setLeaving(false)}
          act={async () => {
            await ask("delete", "/api/v1/goals/{id}", { path: { id: g.id } });
            onDelete();
          }}
        />
      )}
    </>
  );
}

/** What deleting a goal does. */
function consequences(g: Goal, total: number | undefined): string {
  if (g.kind === "api") return "The conversions that your server sent stay in the reports; those that came without a value count without one again. Nothing of this name is offered for filters and funnels any more.";
  const lately = total ? `, ${plural(Math.round(total), "conversion")} of the last 30 days among them` : "";
  return `Its conversions leave the reports, also those of the past${lately}. Saved funnels that have it as a step find nobody there. Nothing that was collected is lost: a goal like it finds them all again.`;
}
