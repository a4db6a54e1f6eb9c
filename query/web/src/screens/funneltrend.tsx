// A funnel over time: those who entered on each day or in each week.
import { ask } from "../api/client";
import { useQuery } from "../api/query";
import { addDays } from "../dates";
import { count, stretch } from "../format";
import { trendTable } from "../funneltables";
import { place, setQuery } from "../url";
import { Choice } from "../ui/basics";
import { LineChart } from "../ui/chart";
import { ExportMenu } from "../ui/export";
import { Answered, People, share, time, type Asked } from "./funnelparts";

const stretches = [
  { id: "day", label: "Day" },
  { id: "week", label: "Week" },
] as const;

/** The report; the address names the stretch as "every". */
export function FunnelTrend({ definition, range }: Asked) {
  const by = stretches.find((s) => s.id === place.value.query.get("every"))?.id ?? "day";
  const { breakdown: _, ...rest } = definition;
  const body = { ...rest, ...range, by };
  const answer = useQuery(`trend ${JSON.stringify(body)}`, (signal) => ask("post", "/api/v1/funnels/trend", { body, signal }));
  const long = by === "week" ? 7 : 1;
  const last = definition.steps.length;
  return (
    <>
      <div class="bar">
        <Choice label="By" value={by} options={stretches} onChange={(every) => setQuery({ every: every === "day" ? null : every })} testid="every" />
      </div>
      <Answered answer={answer} definition={definition} nobody={({ points }) => points.every((p) => !p.steps[0]?.entered)}>
        {({ points }) => {
          const rows = points.map((p, i) => {
            const from = addDays(range.from, i * long);
            const to = addDays(from, long - 1);
            return { day: from, to: to < range.to ? to : range.to, label: stretch(from, by), entered: p.steps[0]?.entered ?? 0, completed: p.steps.at(-1)?.entered ?? 0, median: p.steps.at(-1)?.median_seconds };
          });
          return (
            <>
              <LineChart
                title="How many entered and how many of them completed; the same numbers are in the table below"
                labels={rows.map((r) => r.label)}
                series={[
                  { name: "Entered", values: rows.map((r) => r.entered), dashed: true },
                  { name: "Completed", values: rows.map((r) => r.completed) },
                ]}
              />
              <p class="hint">Each row is the funnel of those who entered in it; who enters in two is in both, and those of the last days may still complete.</p>
              <div class="table-tools">
                <ExportMenu what="Trend" name="funnel-trend" table={() => trendTable(rows)} call={{ path: "/api/v1/funnels/trend", body }} testid="export-trend" />
              </div>
              <div class="table-box" role="region" aria-label="Trend" tabIndex={0}>
                <table class="table table-small" data-testid="funnel-trend">
                  <thead>
                    <tr>
                      <th scope="col">{by === "week" ? "Week" : "Day"}</th>
                      <th scope="col" class="number">Entered</th>
                      <th scope="col" class="number">Completed</th>
                      <th scope="col" class="number">Rate</th>
                      <th scope="col" class="number">Median time</th>
                    </tr>
                  </thead>
                  <tbody>
                    {rows.map((r) => (
                      <tr key={r.day} data-day={r.day}>
                        <th scope="row">{r.label}</th>
                        <td class="number">
                          <People n={r.entered} at={{ step: 1, days: { from: r.day, to: r.to } }} name={`${count(r.entered)} entered: ${r.label}`} />
                        </td>
                        <td class="number">
                          <People n={r.completed} at={{ step: last, days: { from: r.day, to: r.to } }} name={`${count(r.completed)} completed: ${r.label}`} />
                        </td>
                        <td class="number strong">{share(r.completed, r.entered)}</td>
                        <td class="number">{time(r.median)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </>
          );
        }}
      </Answered>
    </>
  );
}
