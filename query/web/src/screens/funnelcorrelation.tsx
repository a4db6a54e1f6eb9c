// What goes with converting, with sizes and with how sure it is.
import { ask, type Schemas } from "../api/client";
import { useQuery } from "../api/query";
import { dimensions } from "../filters";
import { count, dimensionValue } from "../format";
import { conversionLabel } from "../models";
import { correlationTable } from "../funneltables";
import { RangeChart } from "../ui/bars";
import { ExportMenu } from "../ui/export";
import { Answered, People, share, type Asked } from "./funnelparts";

type Feature = Schemas["FunnelFeature"];

/** The features of those who converted, beside those who did not. */
export function FunnelCorrelation({ definition, range }: Asked) {
  const { breakdown: _, ...rest } = definition;
  const last = definition.steps.length;
  const body = { ...rest, ...range };
  const answer = useQuery(`correlation ${JSON.stringify(body)}`, (signal) => ask("post", "/api/v1/funnels/correlation", { body, signal }));
  return (
    <Answered answer={answer} definition={definition} nobody={(found) => found.converted + found.lost === 0}>
      {(found) => (
        <>
          <p class="hint">
            <People n={found.converted} at={{ step: last }} text={`${count(found.converted)} converted`} /> and {count(found.lost)} did not. Compared is what they did after step 1 and before they were through, and what they came with, where at least {found.at_least} people have it.
            {found.more && " There is more than is compared at a time: these are the most frequent."} What goes together need not cause each other.
          </p>
          {found.features.length === 0 ? (
            <p class="hint">Nothing that enough people have tells them apart. Choose more days.</p>
          ) : (
            <>
              <RangeChart
                log
                title="How many times higher the odds of converting are with each, with the 95 % interval; the same numbers are in the table below"
                rows={found.features.slice(0, rowsInChart).map((f) => ({ label: nameLabel(f), at: f.odds_ratio, low: f.odds_low, high: f.odds_high, text: `× ${ratio(f.odds_ratio)}`, sure: f.corrected_chance < 0.05 }))}
              />
              <p class="legend">
                <span class="legend-range">Odds ratio and 95 % interval; right of the line: more likely to convert</span>
                <span class="legend-unsure">Could be chance</span>
              </p>
              <div class="table-tools">
                <ExportMenu what="Correlation" name="funnel-correlation" table={() => correlationTable(found.features)} call={{ path: "/api/v1/funnels/correlation", body }} testid="export-correlation" />
              </div>
              <div class="table-box" role="region" aria-label="Correlation" tabIndex={0}>
                <table class="table table-small" data-testid="correlation">
                  <thead>
                    <tr>
                      <th scope="col">What</th>
                      <th scope="col" class="number">Of the converted</th>
                      <th scope="col" class="number">Of the others</th>
                      <th scope="col" class="number">Odds ratio</th>
                      <th scope="col" class="number">95 % interval</th>
                      <th scope="col">How sure</th>
                    </tr>
                  </thead>
                  <tbody>
                    {found.features.map((f, i) => (
                      <tr key={i} data-sure={f.corrected_chance < 0.05}>
                        <th scope="row" class="feature">
                          <span class="sub">{kindLabel(f.type)}</span>
                          <bdi>{nameLabel(f)}</bdi>
                        </th>
                        <td class="number">
                          <Converted feature={f} step={last} text={`${count(f.converted)} (${share(f.converted, found.converted)})`} />
                        </td>
                        <td class="number">{`${count(f.lost)} (${share(f.lost, found.lost)})`}</td>
                        <td class="number strong">{ratio(f.odds_ratio)}</td>
                        <td class="number">{`${ratio(f.odds_low)} to ${ratio(f.odds_high)}`}</td>
                        <td>
                          {sureness(f)}
                          <span class="sub">{`p ${chance(f.corrected_chance)} among ${found.tested}`}</span>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </>
          )}
        </>
      )}
    </Answered>
  );
}

/** Who converted with a feature: those who entered with it can be listed. */
function Converted({ feature: f, step, text }: { feature: Feature; step: number; text: string }) {
  if (kinds[f.type] || !dimensions.some((d) => d.id === f.type)) return <>{text}</>;
  return <People n={f.converted} at={{ step, of: { by: f.type, key: f.name } }} text={text} name={`${count(f.converted)} of ${nameLabel(f)} converted`} />;
}

const rowsInChart = 12;

const kinds: Record<string, string> = { pageview: "Saw the page", event: "Did", conversion: "Conversion" };
const kindLabel = (type: string) => kinds[type] ?? dimensions.find((d) => d.id === type)?.label ?? type;

function nameLabel(f: Feature): string {
  if (f.type === "conversion") return conversionLabel(f.name);
  return kinds[f.type] ? f.name : dimensionValue(f.type, f.name);
}

/** A ratio in three figures. */
const ratio = (n: number) => (n >= 1000 ? "> 1,000" : n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2));

function sureness(f: Feature): string {
  if (f.corrected_chance >= 0.05) return "Could be chance";
  return `${f.odds_ratio > 1 ? "More" : "Less"} likely to convert`;
}

const chance = (p: number) => (p < 0.001 ? "< 0.001" : `= ${p.toFixed(3)}`);
