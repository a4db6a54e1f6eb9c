// Whom a contact became one with, and from whom an Admin keeps it apart.
import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { capital } from "../format";
import { may } from "../session";
import { hrefOf, place } from "../url";
import { Ask } from "../ui/ask";
import { Link } from "../ui/basics";
import { Icon } from "../ui/icon";

type Contact = Schemas["Contact"];
type Merge = Schemas["Merge"];
type Decision = { other: Merge; apart: boolean };

/** The section of a contact's drawer. It shows nothing where there is nothing to tell. */
export function Merges({ contact, onChange }: { contact: Contact; onChange: () => void }) {
  const merges = useQuery(`merges ${contact.id}`, (signal) => ask("get", "/api/v1/contacts/{id}/merges", { path: { id: contact.id }, signal }), 6_000);
  const [asking, setAsking] = useState<Decision | null>(null);
  const [done, setDone] = useState<Decision | null>(null);
  const { merged = [], apart = [] } = merges.data ?? {};
  if (merged.length + apart.length === 0 && !done) return null;
  const list = (title: string, items: Merge[], isApart: boolean, label: string, testid: string) =>
    items.length > 0 && (
      <>
        <h2>{title}</h2>
        <ul class="talks" data-testid={testid}>
          {items.map((m) => (
            <li key={m.contact} data-id={m.contact}>
              <p class="talk-head">
                {isApart ? <Link href={hrefOf(`/contacts/${m.contact}`, place.value.query)}>{nodeName(m.node)}</Link> : <strong>{nodeName(m.node)}</strong>}
                {may("admin") && (
                  <button type="button" class="button" onClick={() => setAsking({ other: m, apart: !isApart })} data-testid={isApart ? "allow-merge" : "undo-merge"}>
                    {label}
                  </button>
                )}
              </p>
            </li>
          ))}
        </ul>
      </>
    );
  return (
    <section aria-label="Merges" data-testid="merges">
      {done && <Outcome contact={contact} of={done} />}
      {list("Became one with", merged, false, "Undo the merge", "merged")}
      {list("Kept apart from", apart, true, "Let them merge again", "apart")}
      {asking && (
        <Decide
          contact={contact}
          of={asking}
          onClose={(decided) => {
            setAsking(null);
            if (!decided) return;
            setDone(asking);
            merges.reload();
            onChange();
          }}
        />
      )}
    </section>
  );
}

function Decide({ contact, of, onClose }: { contact: Contact; of: Decision; onClose: (decided: boolean) => void }) {
  const who = contact.name || contact.email || contact.phone || "this contact";
  return (
    <Ask
      title={of.apart ? "Undo this merge?" : "Let these two merge again?"}
      label={of.apart ? "Undo the merge" : "Let them merge"}
      keep="Leave it"
      testid="merge-dialog"
      confirm="decide-merge"
      act={async () => {
        await ask("post", "/api/v1/contacts/{id}/merges", { path: { id: contact.id }, body: { contact: of.other.contact, apart: of.apart } });
        await settled(contact.id, of);
      }}
      onDone={() => onClose(true)}
      onClose={() => onClose(false)}
    >
      {of.apart ? (
        <>
          <p>
            {who} and {nodeName(of.other.node)} become two contacts again. Browsers, visits, conversations and the credit for them go to whom
            they belong.
          </p>
          <p>Whatever is learned later, they stay two. You can take this back.</p>
        </>
      ) : (
        <p>
          What is known of {who} and {nodeName(of.other.node)} decides again. If it says that they are one person, they become one contact.
        </p>
      )}
    </Ask>
  );
}

/** Waits until the two are as was decided, for some seconds at most: the pipeline may be busy. */
async function settled(id: string, of: Decision): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const other = await ask("get", "/api/v1/contacts/{id}", { path: { id: of.other.contact } }).catch(() => null);
    const { apart } = await ask("get", "/api/v1/contacts/{id}/merges", { path: { id } });
    const isApart = apart.some((m) => m.contact === of.other.contact);
    if (of.apart ? other?.id === of.other.contact : !isApart) return;
  }
}

function Outcome({ contact, of }: { contact: Contact; of: Decision }) {
  const link = (id: string, label: string) => <Link href={hrefOf(`/contacts/${id}`, place.value.query)}>{label}</Link>;
  return (
    <div class="note" role="status" data-testid="merge-outcome">
      <Icon name="check" />
      <div>
        <strong>{of.apart ? "These are two contacts now." : "What is known decides again."}</strong>
        <p>
          {link(contact.id, contact.name || contact.email || contact.phone || "This contact")}
          {" · "}
          {link(of.other.contact, nodeName(of.other.node))}
        </p>
      </div>
    </div>
  );
}

/** "email:ann@x.example" as "ann@x.example", "intercom:12" as "Intercom contact 12". */
function nodeName(node: string): string {
  const [kind = "", ...rest] = node.split(":");
  const value = rest.join(":");
  if (kind === "email" || kind === "phone") return value;
  return kind === "user" ? `user ${value}` : `${capital(kind)} contact ${value}`;
}
