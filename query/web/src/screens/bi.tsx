// Settings → BI access: who reads this workspace with a BI tool, and how a tool is connected.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { connectionWords, tools, type Tool } from "../bi";
import { date } from "../format";
import { may, zone } from "../session";
import { Ask } from "../ui/ask";
import { Choice, Copy, Head, ProblemNote, Skeleton } from "../ui/basics";
import { useSubmit } from "../ui/form";
import { Icon } from "../ui/icon";
import { Once } from "../ui/once";

type User = Schemas["BIUser"];
type Place = Schemas["BIPlace"];

/** The screen at /settings/bi-access. */
export function BIAccess() {
  return (
    <>
      <Head title="BI access" />
      {may("admin") ? <Access /> : <p>BI access is for Owners and Admins of this workspace.</p>}
    </>
  );
}

function Access() {
  const access = useQuery("bi access", (signal) => ask("get", "/api/v1/bi", { signal }), 10_000);
  const [made, setMade] = useState<Schemas["NewBIUser"] | null>(null);
  const [gone, setGone] = useState<{ user: User; removal: Schemas["BIRemoval"] } | null>(null);
  const at = access.data;
  return (
    <>
      <section class="panel" aria-label="Who reads">
        <header class="panel-head">
          <h2>Who reads</h2>
        </header>
        <p class="hint">
          A user reads the views of this workspace with any tool that speaks to ClickHouse. It can change nothing, and sees nothing of other workspaces. Emails, phones and names of contacts are in a view of their own, which is granted apart.
        </p>
        {made && at && <Made made={made} place={at.place} onClose={() => setMade(null)} />}
        {gone && <Removed of={gone} listed={at?.items.some((u) => u.login === gone.user.login) ?? true} onClose={() => setGone(null)} />}
        {access.problem && <ProblemNote problem={access.problem} again={access.reload} />}
        {!at && access.loading && <Skeleton lines={4} />}
        {at && (
          <>
            {at.items.length < at.most ? (
              <NewUser
                onMade={(m) => {
                  setMade(m);
                  setGone(null);
                  access.reload();
                }}
              />
            ) : (
              <p>A workspace has at most {at.most} users. Remove one to add another.</p>
            )}
            {at.items.length === 0 && <p data-testid="no-bi-users">Nobody reads with a BI tool yet.</p>}
            {at.items.length > 0 && (
              <UserTable
                items={at.items}
                onRemoved={(user, removal) => {
                  setGone({ user, removal });
                  if (made?.user.login === user.login) setMade(null);
                  access.reload();
                }}
              />
            )}
          </>
        )}
      </section>
      {at && <Connecting place={at.place} login={made?.user.login ?? at.items[0]?.login ?? ""} />}
    </>
  );
}

function NewUser({ onMade }: { onMade: (made: Schemas["NewBIUser"]) => void }) {
  const { problem, busy, onSubmit } = useSubmit(async (typed, form) => {
    onMade(await ask("post", "/api/v1/bi", { body: { name: typed("name"), details: typed("details") !== "" } }));
    form.reset();
  });
  return (
    <form class="bi-form" onSubmit={onSubmit}>
      {problem && <ProblemNote problem={problem} />}
      <label>
        Tool or person
        <input name="name" type="text" required maxLength={40} pattern="[A-Za-z][A-Za-z0-9_]*" title="Letters, digits and underscores, a letter first" placeholder="metabase" autocomplete="off" data-testid="bi-name" />
      </label>
      <label class="tick-box">
        <input name="details" type="checkbox" data-testid="bi-details" />
        Also emails, phones and names
      </label>
      <button type="submit" class="button button-main" disabled={busy} data-testid="add-bi-user">
        {busy ? "One moment…" : "Add"}
      </button>
    </form>
  );
}

const states: Record<Schemas["BIState"], string> = {
  reads: "Reads",
  from_next_start: "From the next start of SourceLoop",
  until_next_start: "Removed; reads until the next start",
  renewed_from_next_start: "Until the next start with the former password, as before; with the new one from then on",
  by_statements: "Once an administrator has run the statements",
  leaving: "Removed, but may still read until the statements are run",
  gone: "Removed",
};

function UserTable({ items, onRemoved }: { items: User[]; onRemoved: (user: User, removal: Schemas["BIRemoval"]) => void }) {
  const [leaving, setLeaving] = useState<User | null>(null);
  const [confirmed, setConfirmed] = useState<User | null>(null);
  const [open, setOpen] = useState("");
  const shown = items.find((u) => u.login === open && u.statements.length > 0);
  const remove = async (user: User, ran: boolean) =>
    onRemoved(user, await ask("delete", "/api/v1/bi/{login}", { path: { login: user.login }, ...(ran ? { query: { statements_run: true } } : {}) }));
  return (
    <>
      <div class="table-box" role="region" aria-label="Table of BI users" tabIndex={0}>
        <table class="table table-small" data-testid="bi-users">
          <thead>
            <tr>
              <th scope="col">User</th>
              <th scope="col">Signs in</th>
              <th scope="col">Contact details</th>
              <th scope="col">Added</th>
              <th scope="col">
                <span class="hidden">Change</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((u) => (
              <tr key={u.login} data-login={u.login} data-state={u.state}>
                <th scope="row">
                  <code>{u.login}</code>
                </th>
                <td data-column="state">{states[u.state]}</td>
                <td data-column="details">{u.details ? "Yes" : "No"}</td>
                <td>{u.added_at ? date(u.added_at, zone()) : ""}</td>
                <td class="number bi-buttons">
                  {u.statements.length > 0 && (
                    <button type="button" class="button" aria-label={`Statements about ${u.login}`} onClick={() => setOpen(open === u.login ? "" : u.login)} aria-expanded={shown?.login === u.login} data-testid="bi-statements-of">
                      Statements
                    </button>
                  )}
                  {u.state === "leaving" && (
                    <button type="button" class="button" aria-label={`They were run: the statements about ${u.login}`} onClick={() => setConfirmed(u)} data-testid="bi-were-run">
                      They were run
                    </button>
                  )}
                  {u.state !== "until_next_start" && u.state !== "leaving" && (
                    <button type="button" class="button button-icon" aria-label={`Remove ${u.login}`} onClick={() => setLeaving(u)} data-testid="remove-bi-user">
                      <Icon name="trash" />
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown && <Statements all={shown.statements} leaving={shown.state === "leaving"} />}
      {leaving && (
        <Ask
          title={`Remove ${leaving.login}?`}
          text="Whoever reads with it is refused: by a server at once, by the embedded ClickHouse from the next start of SourceLoop. This cannot be undone, but a new user can be added."
          label="Remove"
          onClose={() => setLeaving(null)}
          act={() => remove(leaving, false)}
        />
      )}
      {confirmed && (
        <Ask
          title={`Were the statements about ${confirmed.login} run?`}
          text="SourceLoop cannot see whether an administrator has run them. If not, the user can still read and is no longer in this list. The audit log notes who confirmed it."
          label="They were run"
          onClose={() => setConfirmed(null)}
          act={() => remove(confirmed, true)}
        />
      )}
    </>
  );
}

/** What an administrator of the server is to run. */
function Statements({ all, leaving = false }: { all: string[]; leaving?: boolean }) {
  const text = all.map((s) => `${s};`).join("\n");
  return (
    <div class="bi-statements">
      <p>
        The ClickHouse user that SourceLoop signs in as may not manage users, or ClickHouse did not answer. Have an administrator of the server run these, in this order.{" "}
        {leaving ? "SourceLoop tries again whenever this list is read, too. The user stays in it until that succeeds, or until you say that they were run." : "Whether that was done cannot be seen from here."}
      </p>
      <pre tabIndex={0} aria-label="Statements" data-testid="bi-statements">
        {text}
      </pre>
      <Copy text={text} label="Copy the statements" />
    </div>
  );
}

function Made({ made, place, onClose }: { made: Schemas["NewBIUser"]; place: Place; onClose: () => void }) {
  const { login, state, statements } = made.user;
  return (
    <Once title={`Copy the password of ${login} now.`} text="It is not kept here and cannot be shown again." secret={made.password} testid="bi-password" onClose={onClose}>
      {(state === "from_next_start" || state === "renewed_from_next_start") && (
        <p data-testid="bi-when">
          The embedded ClickHouse reads its users when it starts: {login} can sign in with this password once SourceLoop has been started again.
          {state === "renewed_from_next_start" && " Until then the former password still reads, whatever it could read before."}
          {!place.stays && " Start it with --bi-port, so that tools find it on the same port each time."}
        </p>
      )}
      {state === "by_statements" && <Statements all={statements} />}
    </Once>
  );
}

/** What became of a removed user; listed says that it is still in the list. */
function Removed({ of, listed, onClose }: { of: { user: User; removal: Schemas["BIRemoval"] }; listed: boolean; onClose: () => void }) {
  const { user, removal } = of;
  const leaving = removal.state === "leaving" && listed;
  return (
    <div class="note" role="status" data-testid="bi-removed">
      <Icon name={leaving || removal.state === "until_next_start" ? "warn" : "check"} />
      <div>
        <strong>{leaving ? `${user.login} can still sign in.` : `${user.login} was removed.`}</strong>
        {removal.state === "until_next_start" && <p>The embedded ClickHouse reads its users when it starts: it can still sign in until SourceLoop is started again.</p>}
        {leaving && <Statements all={removal.statements} leaving />}
      </div>
      <span class="actions">
        <button type="button" class="button" onClick={onClose}>
          Done
        </button>
      </span>
    </div>
  );
}

function Connecting({ place, login }: { place: Place; login: string }) {
  const [tool, setTool] = useState<Tool>("metabase");
  const words = connectionWords(tool, place, login || "the user");
  return (
    <section class="panel" aria-label="Connecting a tool">
      <header class="panel-head">
        <h2>Connecting a tool</h2>
      </header>
      <p class="hint">
        {place.embedded
          ? "The embedded ClickHouse is reached from the machine that SourceLoop runs on, and from no other: run the tool there, or lead a tunnel to this port."
          : "The host is the one that SourceLoop itself uses. From another network it may have another name."}
        {place.embedded && !place.stays && " The port is another one after the next start, unless that is given --bi-port."}
      </p>
      <Choice label="Tool" value={tool} options={tools.map((t) => ({ id: t.id, label: t.label }))} onChange={(t) => setTool(t as Tool)} testid="bi-tool" />
      <dl class="facts bi-facts" data-testid="bi-connection">
        {words.fields.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd data-field={name}>
              <code>{value}</code>
            </dd>
          </div>
        ))}
      </dl>
      {words.code && (
        <div class="bi-statements">
          <pre tabIndex={0} aria-label="Code" data-testid="bi-code">
            {words.code}
          </pre>
          <Copy text={words.code} label="Copy the code" />
        </div>
      )}
      <p class="hint">{words.note}</p>
    </section>
  );
}
