// What people did between two steps, and which first pages lead to the last one.
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { count, percent, plural } from "../format";
import { rowLabels, stepLabel } from "../funnel";
import { bestTable, betweenTable } from "../funneltables";
import { conversionLabel } from "../models";
import { place, setQuery } from "../url";
import { Choice } from "../ui/basics";
import { BarChart, RangeChart } from "../ui/bars";
import { ExportMenu } from "../ui/export";
import { Answered, People, share, time, type Asked } from "./funnelparts";

type Place = Schemas["PathPlace"];

const ways = [
  { id: "", label: "Went on" },
  { id: "1", label: "Got no further" },
] as const;

const depths = ["2", "3", "4", "6", "10"].map((id) => ({ id, label: id }));

function placeLabel(p: Place): string {
  if (p.type === "pageview") return p.name;
  if (p.type === "event") return p.name === "chat_opened" ? "Chat opened" : p.name;
  return conversionLabel(p.name);
}

const rowsInChart = 10;

const pathText = (places: Place[], none: string) => places.map(placeLabel).join(" → ") || none;

function Path({ places, longer, none }: { places: Place[]; longer?: boolean; none: string }) {
  if (places.length === 0) return <span class="hint">{none}</span>;
  return (
    <ol class="path">
      {places.map((p, i) => (
        <li key={i} data-type={p.type}>
          <bdi>{placeLabel(p)}</bdi>
        </li>
      ))}
      {longer && <li aria-label="and more">…</li>}
    </ol>
  );
}

const readDepth = () => depths.find((d) => d.id === place.value.query.get("depth"))?.id ?? "4";

const Depth = () => <Choice label="Pages at most" value={readDepth()} options={depths} onChange={(depth) => setQuery({ depth: depth === "4" ? null : depth })} testid="depth" />;

/** The first pages that lead to the last step most surely. */
export function BestPaths({ definition, range }: Asked) {
  const { breakdown: _, ...rest } = definition;
  const body = { ...rest, ...range, depth: Number(readDepth()) };
  const answer = useQuery(`best ${JSON.stringify(body)}`, (signal) => ask("post", "/api/v1/funnels/best", { body, signal }));
  const goal = stepLabel(definition.steps.at(-1)!);
  return (
    <>
      <header class="panel-head">
        <h2>Best-converting first pages, to: {goal}</h2>
        <Depth />
      </header>
      <Answered answer={answer} definition={definition} nobody={(best) => best.paths.length === 0} text="Nobody began so in these days.">
        {(best) => (
          <>
            <p class="hint">
              {count(best.people)} began {definition.scope === "session" ? "a session" : "their first visit"} in these days, on {plural(best.number, "path")}; {count(best.converted)} converted. The best is the one whose rate is high even at the low end of its 95 % interval;
              paths of fewer than 10 stand last.
            </p>
            <RangeChart
              title="The rate of each path with its 95 % interval; the same numbers are in the table below"
              rows={best.paths.slice(0, rowsInChart).map((p) => ({ label: pathText(p.path, "No page"), at: p.converted / Math.max(1, p.people), low: p.low, high: p.high, text: share(p.converted, p.people), sure: p.people >= 10 }))}
            />
            <p class="legend">
              <span class="legend-range">Rate and 95 % interval</span>
              <span class="legend-unsure">Of fewer than 10 people</span>
            </p>
              <div class="table-tools">
                <ExportMenu what="Best paths" name="funnel-best-paths" table={() => bestTable(best.paths)} call={{ path: "/api/v1/funnels/best", body }} testid="export-best" />
              </div>
              <div class="table-box" role="region" aria-label="Best paths" tabIndex={0}>
                <table class="table table-small" data-testid="best-paths">
                  <thead>
                    <tr>
                      <th scope="col">First pages</th>
                      <th scope="col" class="number">Began so</th>
                      <th scope="col" class="number">Converted</th>
                      <th scope="col" class="number">Rate</th>
                      <th scope="col" class="number">95 % interval</th>
                      <th scope="col" class="number">Median time</th>
                    </tr>
                  </thead>
                  <tbody>
                    {best.paths.map((p, i) => (
                      <tr key={i}>
                        <th scope="row">
                          <Path places={p.path} none="No page" />
                        </th>
                        <td class="number">{count(p.people)}</td>
                        <td class="number">{count(p.converted)}</td>
                        <td class="number strong">{share(p.converted, p.people)}</td>
                        <td class="number">{`${percent(p.low)} to ${percent(p.high)}`}</td>
                        <td class="number">{time(p.median_seconds)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
          </>
        )}
      </Answered>
    </>
  );
}

/** What people did between two steps of the address. */
export function PathsBetween({ definition, range }: Asked) {
  const q = place.value.query;
  const last = definition.steps.length - 1;
  const step = Math.min(last, Math.max(1, Number(q.get("step")) || 1));
  const dropped = q.get("dropped") === "1";
  const labels = rowLabels(definition);
  const { breakdown: _, ...rest } = definition;
  const body = { ...rest, ...range, step, dropped, depth: Number(readDepth()) };
  const answer = useQuery(`paths ${JSON.stringify(body)}`, (signal) => ask("post", "/api/v1/funnels/paths", { body, signal }));
  const pairs = labels.slice(0, -1).map((l, i) => ({ id: String(i + 1), label: `${i + 1}. ${l} → ${i + 2}. ${labels[i + 1]}` }));
  return (
    <>
      <header class="panel-head">
        <h2>Between two steps</h2>
      </header>
      <div class="bar bar-choices">
        <Choice label="Steps" value={String(step)} options={pairs} onChange={(id) => setQuery({ step: id })} testid="paths-step" />
        <Choice label="Who" value={dropped ? "1" : ""} options={ways} onChange={(id) => setQuery({ dropped: id || null })} testid="paths-way" />
        <Depth />
      </div>
      <Answered answer={answer} definition={definition} nobody={(found) => found.people === 0} text={dropped ? `Nobody stayed at step ${step} in these days.` : `Nobody went from step ${step} to step ${step + 1} in these days.`}>
        {(found) => (
          <>
            <p class="hint">
              <People n={found.people} at={dropped ? { step, dropped } : { step: step + 1 }} text={dropped ? `${count(found.people)} got no further` : `${count(found.people)} went on`} />
              , on {plural(found.number, "path")}.
            </p>
            <BarChart title="The most frequent paths; the same numbers are in the table below" rows={found.paths.slice(0, rowsInChart).map((p) => ({ label: pathText(p.path, "Nothing between") + (p.longer ? " → …" : ""), value: p.people, text: count(p.people) }))} />
            <div class="table-tools">
              <ExportMenu what="Paths between two steps" name="funnel-paths" table={() => betweenTable(found.paths)} call={{ path: "/api/v1/funnels/paths", body }} testid="export-between" />
            </div>
            <div class="table-box" role="region" aria-label="Paths between the steps" tabIndex={0}>
              <table class="table table-small" data-testid="paths-between">
                <thead>
                  <tr>
                    <th scope="col">What they did</th>
                    <th scope="col" class="number">People</th>
                    <th scope="col" class="number">Of {count(found.people)}</th>
                    {!dropped && <th scope="col" class="number">Median time</th>}
                  </tr>
                </thead>
                <tbody>
                  {found.paths.map((p, i) => (
                    <tr key={i}>
                      <th scope="row">
                        <Path places={p.path} longer={p.longer} none="Nothing between" />
                      </th>
                      <td class="number">{count(p.people)}</td>
                      <td class="number">{share(p.people, found.people)}</td>
                      {!dropped && <td class="number">{time(p.median_seconds)}</td>}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </>
        )}
      </Answered>
    </>
  );
}
