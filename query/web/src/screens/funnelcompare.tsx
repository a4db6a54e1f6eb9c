// A funnel beside itself in other days.
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { rangeLabel } from "../dates";
import { dimensionLabel } from "../filters";
import { count, dimensionValue, points } from "../format";
import { rowLabels, type Definition } from "../funnel";
import { compareTable, comparedBreakdownTable } from "../funneltables";
import { readCompared } from "../report";
import type { Call } from "../exports";
import { place } from "../url";
import { FunnelChart } from "../ui/bars";
import { Changed, Compare } from "../ui/compare";
import { ExportMenu } from "../ui/export";
import { Answered, People, share, time, type Asked } from "./funnelparts";

type Report = Schemas["FunnelReport"];
type Before = Schemas["FunnelCompared"];

/** The report; without other days in the address it is the period before. */
export function FunnelCompare({ definition, range }: Asked) {
  const named = readCompared(place.value.query);
  const compared = named.compare === "none" ? ({ compare: "previous" } as const) : named;
  const body = { ...definition, ...range, ...compared };
  const answer = useQuery(`funnel ${JSON.stringify(body)}`, (signal) => ask("post", "/api/v1/funnels/query", { body, signal }));
  const call = { path: "/api/v1/funnels/query", body };
  return (
    <>
      <div class="bar">
        <Compare now={compared} always />
      </div>
      <Answered answer={answer} definition={definition} nobody={(r) => !r.steps[0]?.entered && !r.previous?.steps[0]?.entered} text="Nobody entered the funnel, neither in these days nor in those compared with.">
        {(report) => report.previous && <Sides definition={definition} range={range} report={report} before={report.previous} call={call} />}
      </Answered>
    </>
  );
}

function Sides({ definition, range, report, before, call }: Asked & { report: Report; before: Before; call: Call }) {
  const labels = rowLabels(definition);
  return (
    <>
      <FunnelChart title="How many reached each step, and how many did in the days compared with; the same numbers are in the table below" bars={report.steps.map((s, i) => ({ label: labels[i] ?? "", entered: s.entered, before: before.steps[i]?.entered ?? 0 }))} />
      <p class="legend">
        <span class="legend-bar">{rangeLabel(range)}</span>
        <span class="legend-before">{rangeLabel(before)}</span>
      </p>
      <div class="table-tools">
        <ExportMenu what="Comparison" name="funnel-compared" table={() => compareTable(labels, report)} call={call} testid="export-compare" />
      </div>
      <StepTable labels={labels} report={report} before={before} />
      {definition.breakdown && report.breakdown.length > 0 && <Values dimension={definition.breakdown} report={report} before={before} call={call} />}
    </>
  );
}

function StepTable({ labels, report, before }: { labels: string[]; report: Report; before: Before }) {
  const rate = (steps: Report["steps"], i: number) => ((steps[0]?.entered ?? 0) > 0 ? (steps[i]?.entered ?? 0) / steps[0]!.entered : NaN);
  return (
    <div class="table-box" role="region" aria-label="Steps compared" tabIndex={0}>
      <table class="table table-small" data-testid="funnel-compared">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col" class="number">Reached</th>
            <th scope="col" class="number">Before</th>
            <th scope="col" class="number">Change</th>
            <th scope="col" class="number">Of all</th>
            <th scope="col" class="number">Before</th>
            <th scope="col" class="number">Change</th>
            <th scope="col" class="number">Median time</th>
            <th scope="col" class="number">Before</th>
          </tr>
        </thead>
        <tbody>
          {report.steps.map((s, i) => {
            const was = before.steps[i];
            const [now, then] = [rate(report.steps, i), rate(before.steps, i)];
            return (
              <tr key={i} data-step={i + 1}>
                <th scope="row">
                  {i + 1}. {labels[i]}
                </th>
                <td class="number strong" data-column="entered" data-value={s.entered}>
                  <People n={s.entered} at={{ step: i + 1 }} />
                </td>
                <td class="number" data-column="before" data-value={was?.entered ?? 0}>
                  <People n={was?.entered ?? 0} at={{ step: i + 1, days: { from: before.from, to: before.to } }} name={`${count(was?.entered ?? 0)} before, at step ${i + 1}`} />
                </td>
                <Changed now={s.entered} before={was?.entered ?? 0} column="change" />
                <td class="number strong">{share(s.entered, report.steps[0]?.entered ?? 0)}</td>
                <td class="number">{share(was?.entered ?? 0, before.steps[0]?.entered ?? 0)}</td>
                <td class={`number ${points(now - then).startsWith("+") ? "up" : points(now - then).startsWith("−") ? "downward" : ""}`}>{i === 0 ? "–" : points(now - then)}</td>
                <td class="number">{i === 0 ? "–" : time(s.median_seconds)}</td>
                <td class="number">{i === 0 ? "–" : time(was?.median_seconds)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

const ends = (steps: Report["steps"] | undefined) => ({ entered: steps?.[0]?.entered ?? 0, completed: steps?.at(-1)?.entered ?? 0 });

function Values({ dimension, report, before, call }: { dimension: NonNullable<Definition["breakdown"]>; report: Report; before: Before; call: Call }) {
  const name = dimensionLabel(dimension);
  const then = new Map(before.breakdown.map((r) => [r.key, r.steps]));
  const last = report.steps.length;
  return (
    <>
      <header class="panel-head">
        <h2>By {name.toLowerCase()} at step 1</h2>
        <ExportMenu bare what={`By ${name}`} name={`funnel-compared-${dimension}`} table={() => comparedBreakdownTable(dimension, report)} call={call} testid="export-compared-breakdown" />
      </header>
      <div class="table-box" role="region" aria-label={`By ${name}`} tabIndex={0}>
        <table class="table table-small" data-testid="funnel-compared-breakdown">
          <thead>
            <tr>
              <th scope="col">{name}</th>
              <th scope="col" class="number">Entered</th>
              <th scope="col" class="number">Change</th>
              <th scope="col" class="number">Completed</th>
              <th scope="col" class="number">Change</th>
              <th scope="col" class="number">Rate</th>
              <th scope="col" class="number">Before</th>
            </tr>
          </thead>
          <tbody>
            {report.breakdown.map((r) => {
              const [now, was] = [ends(r.steps), ends(then.get(r.key))];
              const of = { by: dimension, key: r.key };
              return (
                <tr key={r.key} data-key={r.key}>
                  <th scope="row" title={r.key}>{dimensionValue(dimension, r.key)}</th>
                  <td class="number">
                    <People n={now.entered} at={{ step: 1, of }} name={`${count(now.entered)} of ${dimensionValue(dimension, r.key)} entered`} />
                  </td>
                  <Changed now={now.entered} before={was.entered} column="entered_change" />
                  <td class="number">
                    <People n={now.completed} at={{ step: last, of }} name={`${count(now.completed)} of ${dimensionValue(dimension, r.key)} completed`} />
                  </td>
                  <Changed now={now.completed} before={was.completed} column="completed_change" />
                  <td class="number strong">{share(now.completed, now.entered)}</td>
                  <td class="number">{share(was.completed, was.entered)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}
