// The journey: sessions, pages, ad clicks and the chat, with the time between.
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { capital, clock, country, dateTime, duration, gap, plural, safeHref, shortUrl, sourceMedium } from "../format";
import { reasonText, sourceText, timeline } from "../journey";
import { conversionLabel } from "../models";
import { zone } from "../session";
import { ProblemNote, Skeleton } from "../ui/basics";
import { Field, Fields, OutLink } from "../ui/fields";
import { Icon, type IconName } from "../ui/icon";

type Contact = Schemas["Contact"];
type Session = Schemas["JourneySession"];
type Item = Schemas["JourneyItem"];

/** The timeline of a contact, oldest first. */
export function JourneyTimeline({ contact }: { contact: Contact }) {
  const id = contact.id;
  const journey = useQuery(`journey ${id}`, (signal) => ask("get", "/api/v1/contacts/{id}/journey", { path: { id }, signal }), 6_000);
  const entries = journey.data ? timeline(journey.data.sessions, contact.conversations) : [];
  return (
    <section aria-label="Journey">
      <h2>Journey</h2>
      {journey.problem && <ProblemNote problem={journey.problem} again={journey.reload} />}
      {!journey.data && journey.loading && <Skeleton lines={6} />}
      {journey.data && entries.length === 0 && <p class="hint">No session is known of this contact.</p>}
      <ol class="journey" data-testid="journey">
        {entries.map((e, i) => {
          const before = entries[i - 1];
          const pause = before ? gap(e.at - before.end) : "";
          return (
            <li key={i}>
              {pause && <p class="pause">{pause}</p>}
              {e.kind === "session" ? <SessionCard session={e.session} /> : <Alone conversation={e.conversation} />}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function SessionCard({ session: s }: { session: Session }) {
  const length = (Date.parse(s.ended_at) - Date.parse(s.started_at)) / 1000;
  const pages = s.items.filter((i) => i.type === "pageview").length;
  const what = [plural(pages, "page"), duration(length), capital(s.device), s.browser, country(s.country)].filter(Boolean).join(" · ");
  return (
    <article class="session" data-testid="session" data-id={s.id} data-reason={s.reason} data-channel={s.channel} data-source={s.source} data-medium={s.medium}>
      <header>
        <h3>
          <span class="channel">{s.channel}</span> <span>{sourceMedium(s)}</span>
          {s.campaign && <span class="sub-inline">{s.campaign}</span>}
        </h3>
        <p class="sub">
          <time dateTime={s.started_at}>{dateTime(s.started_at, zone())}</time> · {what}
        </p>
      </header>
      <Items items={s.items} />
      <Why session={s} />
    </article>
  );
}

function Items({ items }: { items: Item[] }) {
  return (
    <ol class="items">
      {items.map((item, i) => {
        const before = items[i - 1];
        const pause = before ? gap(Date.parse(item.at) - Date.parse(before.at)) : "";
        return (
          <li key={i} class={`item item-${item.type}`} data-testid="journey-item" data-type={item.type}>
            <Icon name={icons[item.type]} />
            <div>
              <ItemText item={item} />
              {pause && <span class="item-pause">{pause}</span>}
            </div>
            <time dateTime={item.at}>{clock(item.at, zone())}</time>
          </li>
        );
      })}
    </ol>
  );
}

const icons: Record<Item["type"], IconName> = { pageview: "page", event: "event", ad_click: "click", identify: "person", conversation: "chat" };

function ItemText({ item }: { item: Item }) {
  const href = safeHref(item.url);
  switch (item.type) {
    case "pageview":
      return (
        <>
          <span class="item-main" title={item.url}>
            {shortUrl(item.url) || "/"}
          </span>
          {item.title && <span class="sub-inline">{item.title}</span>}
        </>
      );
    case "ad_click":
      return (
        <>
          <span class="item-main">Ad click</span> <code class="break">{item.click_id}</code>
        </>
      );
    case "identify":
      return <span class="item-main">Identified by the site</span>;
    case "event":
      return (
        <>
          <span class="item-main">{item.name}</span>
          {item.url && <span class="sub-inline">{shortUrl(item.url)}</span>}
        </>
      );
    case "conversation":
      return (
        <>
          <span class="item-main">{conversionLabel(item.name)}</span>
          {item.title && <span class="sub-inline">{item.title}</span>}
          {href && (
            <>
              {" "}
              <a href={href} target="_blank" rel="noopener noreferrer">
                Open
              </a>
            </>
          )}
        </>
      );
  }
}

function Why({ session: s }: { session: Session }) {
  return (
    <details class="why" data-testid="why">
      <summary>Why this source?</summary>
      <p>{sourceText(s)}</p>
      <p>Why a session began here: {reasonText(s.reason)}</p>
      <Fields>
        <Field name="rule" label="Rule" value={s.rule} />
        <Field name="reason" label="Reason" value={s.reason} />
        <Field name="source" label="Source" value={s.source} />
        <Field name="medium" label="Medium" value={s.medium} />
        <Field name="campaign" label="Campaign" value={s.campaign} />
        <Field name="content" label="Content" value={s.content} />
        <Field name="term" label="Term" value={s.term} />
        <Field name="landing_page" label="Landing page" value={s.landing_page}>
          <OutLink url={s.landing_page} />
        </Field>
        <Field name="referrer" label="Referrer" value={s.referrer}>
          <OutLink url={s.referrer} />
        </Field>
        {s.list !== undefined && <Field name="list" label="Referrer list" value={String(s.list)} text={`number ${s.list}`} />}
        <Field name="visitor" label="Browser's id" value={s.visitor} />
      </Fields>
    </details>
  );
}

function Alone({ conversation: c }: { conversation: Schemas["Conversation"] }) {
  return (
    <article class="session session-alone" data-testid="lone-conversation">
      <header>
        <h3>
          <span class="channel">Direct</span> <span>{conversionLabel(`${c.provider}_conversation`)}</span>
        </h3>
        <p class="sub">
          <time dateTime={c.at}>{dateTime(c.at, zone())}</time> · no visit of this person is known at this time
        </p>
      </header>
      {c.message && <blockquote>{c.message}</blockquote>}
    </article>
  );
}
