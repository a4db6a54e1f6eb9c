// Who got to a step of a funnel, or no further.
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { dimensionLabel, dimensions } from "../filters";
import { dateTime, dimensionValue } from "../format";
import { rowLabels } from "../funnel";
import { peopleTable } from "../funneltables";
import { markOf } from "../mark";
import { zone } from "../session";
import { place, setQuery } from "../url";
import { Choice, Link } from "../ui/basics";
import { ExportMenu } from "../ui/export";
import { Icon } from "../ui/icon";
import { Answered, time, type Asked } from "./funnelparts";

const ways = [
  { id: "", label: "Reached it" },
  { id: "1", label: "Got no further" },
] as const;

/** The people at a step; the address names the step, the way and the page. */
export function FunnelPeople({ definition, range }: Asked) {
  const q = place.value.query;
  const step = Math.min(definition.steps.length, Math.max(1, Number(q.get("step")) || 1));
  const dropped = q.get("dropped") === "1";
  const labels = rowLabels(definition);
  const key = q.get("key");
  const by = key === null ? definition.breakdown : dimensions.find((d) => d.id === (q.get("by") ?? definition.breakdown))?.id;
  const asked = { ...definition, ...range, ...(by && { breakdown: by }), ...(by && key !== null && { key }), step, dropped, limit: 50 };
  const mark = markOf(JSON.stringify(asked));
  const [of, ...rest] = (q.get("cursor") ?? "").split("~");
  const cursor = of === mark ? rest.join("~") : "";
  const body = { ...asked, ...(cursor ? { cursor } : {}) };
  const answer = useQuery(`people ${JSON.stringify(body)}`, (signal) => ask("post", "/api/v1/funnels/people", { body, signal }));
  return (
    <>
      <div class="bar bar-choices">
        <Choice label="Step" value={String(step)} options={labels.map((l, i) => ({ id: String(i + 1), label: `${i + 1}. ${l}` }))} onChange={(id) => setQuery({ step: id, cursor: null })} testid="people-step" />
        <Choice label="Who" value={dropped ? "1" : ""} options={ways} onChange={(id) => setQuery({ dropped: id || null, cursor: null })} testid="people-way" />
        {by && key !== null && (
          <span class="chip" data-testid="people-of">
            <span>
              {dimensionLabel(by)} is <strong>{dimensionValue(by, key)}</strong>
            </span>
            <button type="button" aria-label={`All, whatever their ${dimensionLabel(by).toLowerCase()}`} onClick={() => setQuery({ key: null, cursor: null })}>
              <Icon name="close" />
            </button>
          </span>
        )}
      </div>
      <Answered
        answer={answer}
        definition={definition}
        nobody={(page) => page.items.length === 0}
        text={dropped ? `Nobody stayed at step ${step} in these days.` : `Nobody reached step ${step} in these days.`}
      >
        {(page) => (
          <>
            <div class="table-tools">
              <ExportMenu what="People" name="funnel-people" table={everybody(asked)} call={{ path: "/api/v1/funnels/people", body: asked }} testid="export-people" />
            </div>
            <div class="table-box" role="region" aria-label="People" tabIndex={0}>
              <table class="table table-small" data-testid="funnel-people">
                <thead>
                  <tr>
                    <th scope="col">Who</th>
                    <th scope="col">Entered</th>
                    <th scope="col" class="number">Reached after</th>
                    <th scope="col">Furthest step</th>
                    {by && <th scope="col">{dimensionLabel(by)}</th>}
                  </tr>
                </thead>
                <tbody>
                  {page.items.map((p) => (
                    <tr key={p.id} data-testid="person">
                      <th scope="row" class="feature">
                        <Who person={p} />
                      </th>
                      <td>{dateTime(p.entered_at, zone())}</td>
                      <td class="number">{step === 1 ? "–" : time((Date.parse(p.reached_at) - Date.parse(p.entered_at)) / 1000)}</td>
                      <td>
                        {p.reached}. {labels[p.reached - 1]}
                      </td>
                      {by && <td>{dimensionValue(by, p.key ?? "")}</td>}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <div class="actions">
              {cursor && (
                <button type="button" class="button" onClick={() => history.back()}>
                  Back
                </button>
              )}
              {page.next && (
                <button type="button" class="button" onClick={() => setQuery({ cursor: `${mark}~${page.next}` })} data-testid="people-next">
                  Next 50
                </button>
              )}
            </div>
          </>
        )}
      </Answered>
    </>
  );
}

/** Asks for page after page of the people that are asked for. */
const everybody = (asked: Schemas["FunnelPeopleQuery"]) => async (progress: (rows: number) => void) => {
  const all: Schemas["FunnelPerson"][] = [];
  for (let cursor = ""; ; ) {
    const page = await ask("post", "/api/v1/funnels/people", { body: { ...asked, limit: 200, ...(cursor ? { cursor } : {}) } });
    all.push(...page.items);
    progress(all.length);
    if (!page.next) return peopleTable(all);
    cursor = page.next;
  }
};

function Who({ person }: { person: Schemas["FunnelPerson"] }) {
  const c = person.contact;
  if (!c) return <bdi>{`Unknown visitor ${(person.visitor || person.id).slice(0, 12)}`}</bdi>;
  return (
    <Link href={`/contacts/${c.id}`}>
      <bdi>{c.name || c.email || c.phone || "Without a name"}</bdi>
      {c.name && c.email && <bdi class="sub">{c.email}</bdi>}
    </Link>
  );
}
