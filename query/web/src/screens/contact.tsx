// One contact: who it is and how we know, where it came from, what it did.
import { useEffect, useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { ago, capital, count, country, dateTime, duration, safeHref, shortUrl } from "../format";
import { conversionLabel } from "../models";
import { may, zone } from "../session";
import { useAct } from "../ui/form";
import { go, hrefOf, place } from "../url";
import { Choice, ProblemNote, Skeleton } from "../ui/basics";
import { Drawer } from "../ui/drawer";
import { Field, Fields, OutLink } from "../ui/fields";
import { Icon } from "../ui/icon";
import { later } from "../ui/later";
import { EraseDialog } from "./erasures";
import { JourneyTimeline } from "./journey";
import { Merges } from "./merges";

const ContactPushes = later(() => import("./adslog").then((m) => m.ContactPushes), true);

type Contact = Schemas["Contact"];
type Touch = Schemas["Touch"];

/** Closes the drawer and leaves the list as it is. */
function close(): void {
  go(hrefOf("/contacts", place.value.query));
}

/** The drawer beside the list. Esc closes it. */
export function ContactDrawer({ id, stages, onChange }: { id: string; stages: string[]; onChange: () => void }) {
  const contact = useQuery(`contact ${id}`, (signal) => ask("get", "/api/v1/contacts/{id}", { path: { id }, signal }), 6_000);
  const name = contact.data ? contact.data.name || contact.data.email || contact.data.phone || "Without a name" : "Contact";
  useEffect(() => {
    document.title = `${name} · SourceLoop`;
  }, [name]);
  useEffect(() => {
    // The id of a contact that became part of another answers with the other.
    const now = contact.data?.id;
    if (now && now !== id) go(hrefOf(`/contacts/${now}`, place.value.query), "replace");
  }, [contact.data?.id]);
  return (
    <Drawer title={name} testid="contact" of={id} opener={`contact ${id}`} onClose={close}>
      {contact.problem && <ProblemNote problem={contact.problem} again={contact.reload} />}
      {!contact.data && contact.loading && <Skeleton lines={12} />}
      {contact.data && <Body contact={contact.data} stages={stages} onStage={() => [contact.reload(), onChange()]} />}
    </Drawer>
  );
}

function Body({ contact, stages, onStage }: { contact: Contact; stages: string[]; onStage: () => void }) {
  return (
    <div class="drawer-body">
      <Identity contact={contact} stages={stages} onStage={onStage} />
      <div class="touches">
        <TouchCard title="First touch" name="first_touch" touch={contact.first_touch} />
        <TouchCard title="Last touch" name="last_touch" touch={contact.last_touch} />
      </div>
      <Visit contact={contact} />
      <Conversations contact={contact} />
      <ContactPushes contact={contact.id} />
      <JourneyTimeline contact={contact} />
      <Evidence contact={contact} />
      <Merges contact={contact} onChange={onStage} />
      {may("admin") && <EraseButton contact={contact} onErased={onStage} />}
    </div>
  );
}

function EraseButton({ contact, onErased }: { contact: Contact; onErased: () => void }) {
  const [asking, setAsking] = useState(false);
  const [asked, setAsked] = useState(false);
  return (
    <section aria-label="Erasure">
      {asked ? (
        <p role="status" data-testid="erase-asked">
          Being erased; the receipt will be in the settings.
        </p>
      ) : (
        <button type="button" class="button button-danger" onClick={() => setAsking(true)} data-testid="erase-contact">
          Erase this person…
        </button>
      )}
      {asking && (
        <EraseDialog
          who={{ contact: contact.id }}
          name={contact.name || contact.email || contact.phone || "this contact"}
          onClose={(done) => {
            setAsking(false);
            setAsked(done);
            if (done) onErased();
          }}
        />
      )}
    </section>
  );
}

function Identity({ contact, stages, onStage }: { contact: Contact; stages: string[]; onStage: () => void }) {
  const matched = [...new Set(contact.evidence.map((e) => e.method))];
  return (
    <section aria-label="Identity" class="identity">
      <Fields>
        <Field name="email" label="Email" value={contact.email} />
        <Field name="phone" label="Phone" value={contact.phone} />
        <Field name="name" label="Name" value={contact.name} />
        <Field name="created_at" label="Known since" value={contact.created_at} text={dateTime(contact.created_at, zone())} />
        <Field name="converted_at" label="Converted" value={contact.converted_at ?? ""} text={contact.converted_at ? dateTime(contact.converted_at, zone()) : ""} />
        <Field name="stage" label="Stage" value={contact.stage}>
          <Stage contact={contact} stages={stages} onStage={onStage} />
        </Field>
      </Fields>
      {matched.length > 0 && (
        <p class="matched" data-testid="matched">
          {matched.map((m) => (
            <span key={m} class="tag">
              <Icon name="check" />
              matched by {m}
            </span>
          ))}
        </p>
      )}
    </section>
  );
}

function Stage({ contact, stages, onStage }: { contact: Contact; stages: string[]; onStage: () => void }) {
  const { problem, act } = useAct();
  const [chosen, setChosen] = useState<string | null>(null);
  const names = stages.includes(contact.stage) ? stages : [contact.stage, ...stages];
  const move = async (stage: string) => {
    setChosen(stage);
    const moved = await act(async () => {
      await ask("patch", "/api/v1/contacts/{id}", { path: { id: contact.id }, body: { stage } });
      onStage();
    });
    if (!moved) setChosen(null);
  };
  useEffect(() => setChosen(null), [contact.stage]);
  if (!may("editor")) return <>{contact.stage}</>;
  return (
    <>
      <Choice label="Stage" quiet value={chosen ?? contact.stage} options={names.map((n) => ({ id: n, label: n }))} onChange={(s) => void move(s)} testid="stage" />
      {problem && <ProblemNote problem={problem} />}
    </>
  );
}

function TouchCard({ title, name, touch }: { title: string; name: string; touch: Touch }) {
  const field = (key: keyof Touch, label: string) => <Field name={`${name}.${key}`} label={label} value={touch[key]} />;
  return (
    <section class="touch" aria-label={title} data-testid={name}>
      <h2>{title}</h2>
      <p class="touch-channel">
        <span class="channel">{touch.channel}</span>
        <time dateTime={touch.at} title={dateTime(touch.at, zone())}>
          {ago(touch.at, zone())}
        </time>
      </p>
      <Fields>
        <Field name={`${name}.channel`} label="Channel" value={touch.channel} />
        {field("source", "Source")}
        {field("medium", "Medium")}
        {field("campaign", "Campaign")}
        {field("content", "Content")}
        {field("term", "Term")}
        <Field name={`${name}.landing_page`} label="Landing page" value={touch.landing_page}>
          <OutLink url={touch.landing_page} />
        </Field>
        <Field name={`${name}.referrer`} label="Referrer" value={touch.referrer}>
          <OutLink url={touch.referrer} />
        </Field>
        <Field name={`${name}.rule`} label="Rule" value={touch.rule} />
        <Field name={`${name}.at`} label="At" value={touch.at} text={dateTime(touch.at, zone())} />
      </Fields>
    </section>
  );
}

function Visit({ contact }: { contact: Contact }) {
  return (
    <section aria-label="Visits">
      <h2>Before the chat</h2>
      <Fields wide>
        <Field name="pages_before" label="Pages before" value={String(contact.pages_before)} text={count(contact.pages_before)} />
        <Field name="seconds_on_site" label="Time on site" value={String(contact.seconds_on_site)} text={duration(contact.seconds_on_site)} />
        <Field name="return_visits" label="Return visits" value={String(contact.return_visits)} text={count(contact.return_visits)} />
        <Field name="device" label="Device" value={contact.device} text={capital(contact.device)} />
        <Field name="country" label="Country" value={contact.country} text={country(contact.country)} />
        <Field name="browser" label="Browser" value={contact.browser} />
      </Fields>
      <Fields>
        <Field name="referrer_chain" label="Referrer chain" value={contact.referrer_chain.join(" ")}>
          {contact.referrer_chain.length > 0 && (
            <ol class="chain">
              {contact.referrer_chain.map((r, i) => (
                <li key={i}>
                  <OutLink url={r} host />
                </li>
              ))}
            </ol>
          )}
        </Field>
      </Fields>
    </section>
  );
}

function Conversations({ contact }: { contact: Contact }) {
  if (contact.conversations.length === 0) return null;
  return (
    <section aria-label="Conversations">
      <h2>Conversations</h2>
      <ul class="talks" data-field="conversations">
        {contact.conversations.map((c) => {
          const href = safeHref(c.url);
          return (
            <li key={`${c.provider} ${c.id}`} data-testid="conversation" data-id={c.id}>
              <p class="talk-head">
                <strong>{conversionLabel(`${c.provider}_conversation`)}</strong>
                <time dateTime={c.at}>{dateTime(c.at, zone())}</time>
                {c.state && <span class="tag">{c.state}</span>}
                {href && (
                  <a href={href} target="_blank" rel="noopener noreferrer">
                    Open in {capital(c.provider)}
                    <Icon name="external" />
                  </a>
                )}
              </p>
              {c.message && <blockquote>{c.message}</blockquote>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Evidence({ contact }: { contact: Contact }) {
  return (
    <section aria-label="Evidence">
      <h2>Why we think it is one person</h2>
      <div class="table-box" role="region" aria-label="Table of evidence" tabIndex={0}>
        <table class="table table-small" data-testid="evidence" data-field="evidence">
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col">Matched by</th>
              <th scope="col">Evidence</th>
              <th scope="col">When</th>
            </tr>
          </thead>
          <tbody>
            {contact.evidence.map((e, i) => (
              <tr key={i}>
                <th scope="row" title={e.node}>
                  {nodeLabel(e.node)}
                </th>
                <td>
                  {e.method} <span class={e.verified ? "tag tag-good" : "tag"}>{e.verified ? "verified" : "asserted"}</span>
                </td>
                <td class="break">{e.evidence}</td>
                <td>{dateTime(e.at, zone())}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** "visitor:4f1c0d6f…" as "Visitor 4f1c0d6f…"; what people know by heart is whole. */
function nodeLabel(node: string): string {
  const [kind = "", ...rest] = node.split(":");
  const value = rest.join(":");
  const short = !["email", "phone", "user"].includes(kind) && value.length > 12 ? `${value.slice(0, 8)}…` : value;
  return `${capital(kind)} ${shortUrl(short)}`;
}
