// The Contacts Hub: everybody who identified themselves, newest first.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, type Schemas } from "../api/client";
import { forget, useQuery } from "../api/query";
import { columns, readColumns, type Column } from "../columns";
import { formatFilter, readFilters } from "../filters";
import { remember } from "../preferences";
import { may, zone } from "../session";
import { go, hrefOf, place, setQuery } from "../url";
import { Choice, Empty, Head, Link, Menu, ProblemNote, Skeleton } from "../ui/basics";
import { ExportMenu } from "../ui/export";
import { FilterChips, FilterMenu } from "../ui/filterbar";
import { Icon } from "../ui/icon";
import { later } from "../ui/later";
import { ContactDrawer } from "./contact";
import { Waiting } from "./waiting";

const StageEditor = later(() => import("./stages").then((m) => m.StageEditor), true);

type Contact = Schemas["Contact"];

const pageSize = 50;

/** What the address asks of the list. */
function asked() {
  const q = place.value.query;
  return {
    q: q.get("q") ?? "",
    stage: q.get("stage") ?? "",
    touch: q.get("touch") === "first" ? ("first" as const) : ("last" as const),
    filter: readFilters(q).map(formatFilter),
  };
}

/** The screen at /contacts and, with the drawer open, at /contacts/{id}. */
export function Contacts({ id }: { id: string }) {
  const ask_ = asked();
  const cursor = place.value.query.get("cursor") ?? "";
  const list = useQuery(
    `contacts ${JSON.stringify(ask_)} ${cursor}`,
    (signal) => ask("get", "/api/v1/contacts", { query: { ...ask_, cursor, limit: pageSize }, signal }),
    cursor ? 0 : 4_000,
  );
  const stages = useQuery("stages", (signal) => ask("get", "/api/v1/stages", { signal }));
  const shown = columns.filter((c) => readColumns(place.value.query).includes(c.id));
  const [editing, setEditing] = useState(false);
  const narrowed = !!ask_.q || !!ask_.stage || ask_.filter.length > 0;
  return (
    <div class={id ? "hub hub-open" : "hub"}>
      <div class="hub-list">
        <Head title="Contacts">
          <Export />
        </Head>
        <div class="bar">
          <Search />
          <FilterMenu />
          {narrowed && ask_.filter.length > 0 && (
            <Choice label="Filters read" quiet value={ask_.touch} options={[{ id: "last", label: "Last touch" }, { id: "first", label: "First touch" }]} onChange={(touch) => setQuery({ touch: touch === "first" ? touch : null, cursor: null })} testid="filter-touch" />
          )}
          <Choice
            label="Stage"
            quiet
            value={ask_.stage}
            options={[{ id: "", label: "All stages" }, ...(stages.data?.items ?? []).map((s) => ({ id: s.name, label: s.name }))]}
            onChange={(stage) => setQuery({ stage, cursor: null })}
            testid="filter-stage"
          />
          {may("editor") && (
            <button type="button" class="button" onClick={() => setEditing(true)} data-testid="edit-stages">
              Edit stages
            </button>
          )}
          <ColumnMenu />
        </div>
        <FilterChips />
        {list.problem && <ProblemNote problem={list.problem} again={list.reload} />}
        {!list.data && list.loading && <Skeleton lines={10} />}
        {list.data && list.data.items.length > 0 && <Table items={list.data.items} shown={shown} open={id} />}
        {list.data && list.data.items.length === 0 && (narrowed || cursor ? <NothingMatches /> : <Waiting for="contacts" />)}
        {list.data && <Pages next={list.data.next} first={!cursor} />}
      </div>
      {editing && (
        <StageEditor
          onClose={(saved) => {
            setEditing(false);
            if (!saved) return;
            forget();
            stages.reload();
            list.reload();
          }}
        />
      )}
      {id && <ContactDrawer key={id} id={id} stages={stages.data?.items.map((s) => s.name) ?? []} onChange={list.reload} />}
    </div>
  );
}

/** The address of a contact, with the list behind it unchanged. */
function hrefOfContact(id: string): string {
  return hrefOf(`/contacts/${encodeURIComponent(id)}`, place.value.query);
}

function Search() {
  const now = place.value.query.get("q") ?? "";
  const [text, setText] = useState(now);
  const put = useRef(now);
  useEffect(() => {
    // Back, or "clear", changed the address; what we put there ourselves must
    // not overwrite what was typed since.
    if (now !== put.current) setText((put.current = now));
  }, [now]);
  useEffect(() => {
    if (text === put.current) return;
    const timer = setTimeout(() => {
      put.current = text;
      setQuery({ q: text, cursor: null }, "replace");
    }, 250);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <label class="search">
      <span class="hidden">Search by email, name or phone</span>
      <Icon name="search" />
      <input
        type="search"
        data-search
        data-testid="search"
        value={text}
        placeholder="Search email, name, phone"
        onInput={(e) => setText(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key !== "Escape") return;
          e.stopPropagation(); // It clears the search and leaves an open contact open.
          if (text) setText("");
          else e.currentTarget.blur();
        }}
      />
    </label>
  );
}

function ColumnMenu() {
  const chosen = readColumns(place.value.query);
  const toggle = (id: string) => {
    const next = columns.filter((c) => (c.id === id ? !chosen.includes(id) : chosen.includes(c.id))).map((c) => c.id);
    if (next.length === 0) return;
    remember("columns", next.join(","));
    setQuery({ cols: next.join(",") }, "replace");
  };
  return (
    <Menu label="Columns" icon="columns" align="right" testid="columns">
      {() => (
        <fieldset class="checks">
          <legend class="hidden">Columns</legend>
          {columns.map((c) => (
            <label key={c.id}>
              <input type="checkbox" checked={chosen.includes(c.id)} onChange={() => toggle(c.id)} data-testid={`column-${c.id}`} />
              {c.label}
            </label>
          ))}
        </fieldset>
      )}
    </Menu>
  );
}

function Table({ items, shown, open }: { items: Contact[]; shown: Column[]; open: string }) {
  return (
    <div class="table-box framed" role="region" aria-label="Table of contacts" tabIndex={0}>
      <table class="table contacts" data-testid="contacts">
        <thead>
          <tr>
            <th scope="col">Contact</th>
            {shown.map((c) => (
              <th key={c.id} scope="col" class={c.numeric ? "number" : ""}>
                {c.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((c) => (
            <Row key={c.id} contact={c} shown={shown} open={c.id === open} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ contact, shown, open }: { contact: Contact; shown: Column[]; open: boolean }) {
  const title = contact.name || contact.email || contact.phone || "Without a name";
  const href = hrefOfContact(contact.id);
  const click = (e: MouseEvent) => {
    // The link in the row does it for the keyboard; the rest of the row helps the mouse.
    if (e.target instanceof Element && !e.target.closest("a") && !getSelection()?.toString()) go(href);
  };
  return (
    <tr class={open ? "row row-open" : "row"} onClick={click} data-testid="contact-row" data-id={contact.id}>
      <th scope="row">
        <Link href={href} aria-current={open ? "true" : undefined} data-opens={`contact ${contact.id}`}>
          {title}
        </Link>
        {title !== contact.email && contact.email && <span class="sub" data-column="email">{contact.email}</span>}
        {!contact.email && contact.phone && title !== contact.phone && <span class="sub">{contact.phone}</span>}
      </th>
      {shown.map((c) => (
        <td key={c.id} class={c.numeric ? "number" : ""} data-column={c.id}>
          {c.show(contact, zone())}
        </td>
      ))}
    </tr>
  );
}

function Pages({ next, first }: { next: string; first: boolean }) {
  if (first && !next) return null;
  return (
    <nav class="pages" aria-label="Pages">
      {!first && (
        <button type="button" class="button" onClick={() => setQuery({ cursor: null })} data-testid="first-page">
          Newest
        </button>
      )}
      {next && (
        <button type="button" class="button" onClick={() => setQuery({ cursor: next })} data-testid="next-page">
          Older contacts
        </button>
      )}
    </nav>
  );
}

function NothingMatches() {
  return (
    <Empty kind="nothing" title="No contact matches">
      <p>Nobody matches this search and these filters.</p>
      <button type="button" class="button" onClick={() => setQuery({ q: null, stage: null, f: null, cursor: null, touch: null })} data-testid="clear-all">
        Clear search and filters
      </button>
    </Empty>
  );
}

/** Takes the whole list away, asking for page after page. */
function Export() {
  const query = asked();
  const table = async (progress: (rows: number) => void) => {
    const rows: (string | number)[][] = [];
    for (let cursor = ""; ; ) {
      const page = await ask("get", "/api/v1/contacts", { query: { ...query, cursor, limit: 200 } });
      for (const c of page.items) rows.push([c.id, c.email, c.phone, c.name, ...columns.map((k) => k.plain(c))]);
      progress(rows.length);
      if (!page.next) return { head: ["id", "email", "phone", "name", ...columns.map((c) => c.id)], rows };
      cursor = page.next;
    }
  };
  return <ExportMenu what="Contacts" name="contacts" table={table} call={{ path: "/api/v1/contacts", query }} />;
}
