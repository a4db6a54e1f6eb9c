// Who completed a funnel, by what an attribution model says brought them.
import type { Schemas } from "../api/client";
import type { Call } from "../exports";
import { dimensionLabel, type Dimension } from "../filters";
import { count, dimensionValue } from "../format";
import { stepLabel, type Definition } from "../funnel";
import { creditTable } from "../funneltables";
import { defaultLookback, lookbacks, modelLabel, touchModels, type TouchModel } from "../models";
import { place } from "../url";
import { BarChart } from "../ui/bars";
import { ExportMenu } from "../ui/export";
import { People, share } from "./funnelparts";

type Lookback = NonNullable<Schemas["FunnelCreditsAsked"]["lookback"]>;

export const lookbackChoices = lookbacks.map((l) => ({ id: l, label: l === "all" ? "All time" : l === "1" ? "1 day" : `${l} days` }));

/** The lookback of the address, or the default. */
export function readLookback(): Lookback {
  return (lookbacks.find((l) => l === place.value.query.get("lookback")) ?? defaultLookback) as Lookback;
}

const rowsInChart = 10;

/** The rows of a model, which sum to those who completed. */
export function FunnelCredits({ definition, dimension, model, credits, call }: { definition: Definition; dimension: Dimension; model: TouchModel; credits: Schemas["FunnelCredits"]; call: Call }) {
  const name = dimensionLabel(dimension);
  const step = definition.steps[credits.step - 1];
  return (
    <>
      <header class="panel-head">
        <h2>
          Completed, by {name.toLowerCase()} ({modelLabel(model).toLowerCase()})
        </h2>
        <ExportMenu bare what={`By ${name}`} name={`funnel-credits-${dimension}`} table={() => creditTable(dimension, credits)} call={call} testid="export-credits" />
      </header>
      <p class="hint">
        Only who completed is counted, once: by the sessions that led to “{step ? stepLabel(step) : credits.conversion}”, which may lie before step 1. {touchModels.find((m) => m.id === model)?.text} Who entered and did not complete has no conversion that could be credited; the breakdown has them.
      </p>
      {credits.completed === 0 ? (
        <p class="hint" data-testid="nobody">
          Nobody completed the funnel in these days.
        </p>
      ) : (
        <>
          <BarChart title={`What ${modelLabel(model).toLowerCase()} credits; the same numbers are in the table below`} rows={credits.rows.slice(0, rowsInChart).map((r) => ({ label: dimensionValue(dimension, r.key), value: r.completed, text: count(r.completed) }))} />
          <div class="table-box" role="region" aria-label={`Completed by ${name}`} tabIndex={0}>
            <table class="table table-small" data-testid="funnel-credits">
              <thead>
                <tr>
                  <th scope="col">{name}</th>
                  <th scope="col" class="number">
                    Completed
                  </th>
                  <th scope="col" class="number">
                    Share
                  </th>
                </tr>
              </thead>
              <tbody>
                {credits.rows.map((r) => (
                  <tr key={r.key} data-key={r.key}>
                    <th scope="row" title={r.key}>
                      {dimensionValue(dimension, r.key)}
                    </th>
                    <td class="number" data-value={r.completed}>
                      {count(r.completed)}
                    </td>
                    <td class="number strong">{share(r.completed, credits.completed)}</td>
                  </tr>
                ))}
              </tbody>
              <tfoot>
                <tr data-testid="credits-total">
                  <th scope="row">All who completed</th>
                  <td class="number" data-value={credits.completed}>
                    <People n={credits.completed} at={{ step: definition.steps.length }} name={`${count(credits.completed)} completed`} />
                  </td>
                  <td class="number strong">{share(credits.completed, credits.completed)}</td>
                </tr>
              </tfoot>
            </table>
          </div>
        </>
      )}
    </>
  );
}
