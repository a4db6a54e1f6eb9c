// A funnel's answer: how many got from step to step, and who did better.
import type { Schemas } from "../api/client";
import { download, toCsv } from "../csv";
import { dimensionLabel } from "../filters";
import { count, dimensionValue, duration, percent } from "../format";
import { stepLabel, type Definition } from "../funnel";
import { FunnelChart } from "../ui/chart";
import { Icon } from "../ui/icon";

type Report = Schemas["FunnelReport"];
type StepResult = Schemas["FunnelStepResult"];

const share = (part: number, whole: number) => (whole > 0 ? percent(part / whole) : "–");

/** The report of a funnel that was asked. */
export function FunnelReport({ definition, report, stale }: { definition: Definition; report: Report; stale: boolean }) {
  const labels = definition.steps.map(stepLabel);
  const first = report.steps[0]?.entered ?? 0;
  const last = report.steps.at(-1)?.entered ?? 0;
  return (
    <section class={stale ? "panel stale" : "panel"} aria-label="Funnel report" aria-busy={stale} data-testid="funnel-report">
      <ul class="tiles">
        <Total name="entered" label="Entered" text={count(first)} value={first} />
        <Total name="completed" label="Completed" text={count(last)} value={last} />
        <Total name="rate" label="Conversion rate" text={share(last, first)} value={first > 0 ? last / first : 0} />
        <Total name="median" label="Median time" text={last > 0 ? time(report.steps.at(-1)?.median_seconds) : "–"} value={report.steps.at(-1)?.median_seconds ?? 0} />
      </ul>
      {first === 0 ? (
        <p class="hint">Nobody reached step 1 in these days. Choose more days, or check the step's page.</p>
      ) : (
        <FunnelChart title="How many reached each step; the same numbers are in the table below" bars={report.steps.map((s, i) => ({ label: labels[i] ?? "", entered: s.entered }))} />
      )}
      <StepTable labels={labels} steps={report.steps} />
      {definition.breakdown && <Breakdown dimension={definition.breakdown} labels={labels} report={report} />}
    </section>
  );
}

function Total({ name, label, text, value }: { name: string; label: string; text: string; value: number }) {
  return (
    <li>
      <div class="tile" data-testid={`funnel-${name}`}>
        <span class="tile-name">{label}</span>
        <span class="tile-value" data-value={value}>
          {text}
        </span>
      </div>
    </li>
  );
}

const time = (seconds: number | null | undefined) => (seconds === null || seconds === undefined ? "–" : duration(seconds));

function StepTable({ labels, steps }: { labels: string[]; steps: StepResult[] }) {
  const first = steps[0]?.entered ?? 0;
  return (
    <div class="table-box" role="region" aria-label="Steps" tabIndex={0}>
      <table class="table table-small" data-testid="funnel-steps">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col" class="number">Reached</th>
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
                <td class="number strong" data-column="entered" data-value={s.entered}>{count(s.entered)}</td>
                <td class="number">{share(s.entered, first)}</td>
                <td class="number" data-column="converted" data-value={s.converted}>{end ? "–" : share(s.converted, s.entered)}</td>
                <td class="number">{end ? "–" : `${count(lost)} (${share(lost, s.entered)})`}</td>
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

function Breakdown({ dimension, labels, report }: { dimension: NonNullable<Definition["breakdown"]>; labels: string[]; report: Report }) {
  const name = dimensionLabel(dimension);
  const save = () => {
    const head = [dimension, ...labels.map((l, i) => `${i + 1}. ${l}`)];
    download(`funnel-${dimension}.csv`, toCsv([head, ...report.breakdown.map((r) => [r.key, ...r.steps.map((s) => s.entered)])]));
  };
  return (
    <>
      <header class="panel-head">
        <h2>By {name.toLowerCase()} at step 1</h2>
        <button type="button" class="button button-icon" aria-label={`Download by ${name} as CSV`} onClick={save}>
          <Icon name="download" />
        </button>
      </header>
      <div class="table-box" role="region" aria-label={`By ${name}`} tabIndex={0}>
        <table class="table table-small" data-testid="funnel-breakdown">
          <thead>
            <tr>
              <th scope="col">{name}</th>
              {labels.map((l, i) => (
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
                {r.steps.map((s, i) => (
                  <td key={i} class="number" data-step={i + 1} data-value={s.entered}>{count(s.entered)}</td>
                ))}
                <td class="number strong">{share(r.steps.at(-1)?.entered ?? 0, r.steps[0]?.entered ?? 0)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
