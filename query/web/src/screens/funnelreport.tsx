// A funnel's answer: how many got from step to step, and who did better.
import type { Schemas } from "../api/client";
import type { Call } from "../exports";
import { dimensionLabel } from "../filters";
import { count, dimensionValue, plural } from "../format";
import { rowLabels, type Definition } from "../funnel";
import { breakdownTable, stepTable } from "../funneltables";
import { peopleAt } from "../people";
import { Link } from "../ui/basics";
import { FunnelChart } from "../ui/bars";
import { ExportMenu } from "../ui/export";
import { People, share, time } from "./funnelparts";

type Report = Schemas["FunnelReport"];
type StepResult = Schemas["FunnelStepResult"];

/** The report of a funnel that was asked. */
export function FunnelOverview({ definition, report, call }: { definition: Definition; report: Report; call: Call }) {
  const labels = rowLabels(definition);
  const first = report.steps[0]?.entered ?? 0;
  const last = report.steps.at(-1)?.entered ?? 0;
  const before = report.previous?.steps;
  const was = (n: number | undefined) => (before && n !== undefined ? count(n) : undefined);
  return (
    <>
      <ul class="tiles">
        <Total name="entered" label="Entered" step={1} text={count(first)} value={first} before={was(before?.[0]?.entered)} />
        <Total name="completed" label="Completed" step={report.steps.length} text={count(last)} value={last} before={was(before?.at(-1)?.entered)} />
        <Total name="rate" label="Conversion rate" text={share(last, first)} value={first > 0 ? last / first : 0} before={before && share(before.at(-1)?.entered ?? 0, before[0]?.entered ?? 0)} />
        <Total name="median" label="Median time" text={last > 0 ? time(report.steps.at(-1)?.median_seconds) : "–"} value={report.steps.at(-1)?.median_seconds ?? 0} before={before && time(before.at(-1)?.median_seconds)} />
      </ul>
      <FunnelChart title="How many reached each step; the same numbers are in the table below" bars={report.steps.map((s, i) => ({ label: labels[i] ?? "", entered: s.entered }))} />
      <div class="table-tools">
        <ExportMenu what="Steps" name="funnel-steps" table={() => stepTable(labels, report)} call={call} testid="export-steps" />
      </div>
      <StepTable labels={labels} steps={report.steps} before={before} />
      {definition.breakdown && <Breakdown dimension={definition.breakdown} labels={labels} report={report} call={call} />}
    </>
  );
}

/** A figure; with a step it leads to the people there. */
function Total({ name, label, text, value, before, step }: { name: string; label: string; text: string; value: number; before: string | undefined; step?: number }) {
  const inside = (
    <>
      <span class="tile-name">{label}</span>
      <span class="tile-value" data-value={value}>
        {text}
      </span>
      {before !== undefined && <span class="tile-change">was {before}</span>}
    </>
  );
  return (
    <li>
      {step && value > 0 ? (
        <Link class="tile" href={peopleAt({ step })} data-testid={`funnel-${name}`}>
          {inside}
        </Link>
      ) : (
        <div class="tile" data-testid={`funnel-${name}`}>
          {inside}
        </div>
      )}
    </li>
  );
}

function StepTable({ labels, steps, before }: { labels: string[]; steps: StepResult[]; before: StepResult[] | undefined }) {
  const first = steps[0]?.entered ?? 0;
  return (
    <div class="table-box" role="region" aria-label="Steps" tabIndex={0}>
      <table class="table table-small" data-testid="funnel-steps">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col" class="number">Reached</th>
            {before && <th scope="col" class="number">Before</th>}
            <th scope="col" class="number">Of all</th>
            <th scope="col" class="number">Went on</th>
            <th scope="col" class="number">Dropped off</th>
            <th scope="col" class="number">Median time</th>
            <th scope="col" class="number">9 of 10 within</th>
          </tr>
        </thead>
        <tbody>
          {steps.map((s, i) => {
            const end = i === steps.length - 1;
            const lost = s.entered - s.converted;
            return (
              <tr key={i} data-step={i + 1}>
                <th scope="row">
                  {i + 1}. {labels[i]}
                </th>
                <td class="number strong" data-column="entered" data-value={s.entered}><People n={s.entered} at={{ step: i + 1 }} /></td>
                {before && <td class="number">{`${count(before[i]?.entered ?? 0)} (${share(before[i]?.entered ?? 0, before[0]?.entered ?? 0)})`}</td>}
                <td class="number">{share(s.entered, first)}</td>
                <td class="number" data-column="converted" data-value={s.converted}>{end ? "–" : share(s.converted, s.entered)}</td>
                <td class="number">{end ? "–" : <People n={lost} at={{ step: i + 1, dropped: true }} text={`${count(lost)} (${share(lost, s.entered)})`} testid="dropped" />}</td>
                <td class="number">{i === 0 ? "–" : time(s.median_seconds)}</td>
                <td class="number">{i === 0 ? "–" : time(s.p90_seconds)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** The rows of a breakdown, and the rest of its values as one: who reached each step, or who got no further. */
export function Breakdown({ dimension, labels, report, call, dropped = false }: { dimension: NonNullable<Definition["breakdown"]>; labels: string[]; report: Report; call: Call; dropped?: boolean }) {
  const name = dimensionLabel(dimension);
  // Nobody drops off at the last step.
  const cells = (steps: StepResult[]) => (dropped ? steps.slice(0, -1).map((s) => s.entered - s.converted) : steps.map((s) => s.entered));
  const way = dropped ? "got no further than" : "at";
  return (
    <>
      <header class="panel-head">
        <h2>{dropped ? `Got no further, by ${name.toLowerCase()} at step 1` : `By ${name.toLowerCase()} at step 1`}</h2>
        <ExportMenu bare what={`By ${name}`} name={`funnel-${dimension}`} table={() => breakdownTable(dimension, labels, report, dropped)} call={call} testid="export-breakdown" />
      </header>
      <div class="table-box" role="region" aria-label={`By ${name}`} tabIndex={0}>
        <table class="table table-small" data-testid="funnel-breakdown">
          <thead>
            <tr>
              <th scope="col">{name}</th>
              {labels.slice(0, dropped ? -1 : undefined).map((l, i) => (
                <th key={i} scope="col" class="number" title={l}>
                  {i + 1}. {l}
                </th>
              ))}
              <th scope="col" class="number">Rate</th>
            </tr>
          </thead>
          <tbody>
            {report.breakdown.map((r) => (
              <tr key={r.key} data-key={r.key}>
                <th scope="row" title={r.key}>{dimensionValue(dimension, r.key)}</th>
                {cells(r.steps).map((n, i) => (
                  <td key={i} class="number" data-step={i + 1} data-value={n}>
                    <People n={n} at={{ step: i + 1, dropped, of: { by: dimension, key: r.key } }} name={`${count(n)} of ${dimensionValue(dimension, r.key)} ${way} step ${i + 1}`} />
                  </td>
                ))}
                <td class="number strong">{share(r.steps.at(-1)?.entered ?? 0, r.steps[0]?.entered ?? 0)}</td>
              </tr>
            ))}
            {report.rest && (
              <tr data-testid="breakdown-rest">
                <th scope="row">{plural(report.rest.values, "other value")}</th>
                {cells(report.rest.steps).map((n, i) => (
                  <td key={i} class="number">{count(n)}</td>
                ))}
                <td class="number strong">{share(report.rest.steps.at(-1)?.entered ?? 0, report.rest.steps[0]?.entered ?? 0)}</td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
    </>
  );
}
