// Charts of the funnels: columns of steps, bars of rows, ranges of rates. Like
// all charts they stand beside a table with the same numbers.
import { compact, count, percent } from "../format";
import { clip, useWidth } from "./chart";

/** One step: how many arrived, and of other days how many did. */
export interface FunnelBar {
  label: string;
  entered: number;
  before?: number | undefined;
}

const tallest = 168;
const base = 200;

/** Columns as high as the number that arrived, joined by what was lost on the way; beside those of other days, where they are known. */
export function FunnelChart({ bars, title }: { bars: FunnelBar[]; title: string }) {
  const { ref, width } = useWidth();
  const paired = bars.some((b) => b.before !== undefined);
  const most = Math.max(1, ...bars.map((b) => Math.max(b.entered, b.before ?? 0)));
  const first = Math.max(1, bars[0]?.entered ?? 1);
  const slot = width / Math.max(1, bars.length);
  const group = Math.min(120, slot * (paired ? 0.74 : 0.58));
  const bar = paired ? group / 2 - 1 : group;
  const tall = (n: number) => (n / most) * tallest;
  return (
    <div class="chart" ref={ref}>
      <svg width={width} height={paired ? 226 : 244} role="img" aria-label={title} class="funnel">
        {bars.map((b, i) => {
          const middle = i * slot + slot / 2;
          const left = middle - group / 2;
          const next = bars[i + 1];
          return (
            <g key={i}>
              {!paired && <rect class="funnel-all" x={left} y={base - tallest} width={bar} height={tallest} rx="3" />}
              {!paired && next && (
                <path class="funnel-flow" d={`M${left + bar},${base - tall(b.entered)}L${left + slot},${base - tall(next.entered)}L${left + slot},${base}L${left + bar},${base}Z`} />
              )}
              <Column x={left} width={bar} n={b.entered} tall={tall} class="funnel-bar" />
              {paired && <Column x={middle + 1} width={bar} n={b.before ?? 0} tall={tall} class="funnel-before" />}
              <text class="tick" x={middle} y={base + 18} text-anchor="middle">
                {clip(`${i + 1}. ${b.label}`, slot)}
              </text>
              {!paired && (
                <text class="tick" x={middle} y={base + 36} text-anchor="middle">
                  {percent(b.entered / first)}
                </text>
              )}
            </g>
          );
        })}
      </svg>
    </div>
  );
}

function Column({ x, width, n, tall, ...rest }: { x: number; width: number; n: number; tall: (n: number) => number; class: string }) {
  const h = tall(n);
  return (
    <>
      <rect class={rest.class} x={x} y={base - h} width={width} height={Math.max(h, n > 0 ? 2 : 0)} rx="3" />
      <text class="funnel-count" x={x + width / 2} y={base - h - 7} text-anchor="middle">
        {width < 46 ? compact(n) : count(n)}
      </text>
    </>
  );
}

/** One row of bars: all, and the part of it that counts. */
export interface BarRow {
  label: string;
  value: number;
  of?: number; // drawn behind the value
  text: string; // of the value, at its end
}

const rowHeight = 26;
const rowHeightNarrow = 42;
const ends = 92; // the width of the text behind a bar

/** How rows are laid out: with their names beside them, or above where it is narrow. */
function useRows(n: number) {
  const { ref, width } = useWidth();
  const narrow = width < 480;
  const names = narrow ? 0 : Math.min(230, width * 0.3);
  const tall = narrow ? rowHeightNarrow : rowHeight;
  return { ref, width, names, narrow, tall, height: n * tall, line: (i: number) => i * tall + (narrow ? 18 : 3) };
}

function Name({ text, rows, i }: { text: string; rows: ReturnType<typeof useRows>; i: number }) {
  const { names, narrow, tall, width } = rows;
  return narrow ? (
    <text class="bar-name" x={0} y={i * tall + 13}>
      {clip(text, width)}
    </text>
  ) : (
    <text class="bar-name" x={names - 10} y={i * tall + 17} text-anchor="end">
      {clip(text, names - 10)}
    </text>
  );
}

/** Bars of rows, as long as their numbers. */
export function BarChart({ rows, title }: { rows: BarRow[]; title: string }) {
  const at = useRows(rows.length);
  const most = Math.max(1e-9, ...rows.map((r) => Math.max(r.value, r.of ?? 0)));
  const long = (n: number) => (n / most) * Math.max(20, at.width - at.names - ends);
  return (
    <div class="chart" ref={at.ref}>
      <svg width={at.width} height={at.height} role="img" aria-label={title}>
        {rows.map((r, i) => (
          <g key={i}>
            <Name text={r.label} rows={at} i={i} />
            {r.of !== undefined && <rect class="funnel-flow" x={at.names} y={at.line(i)} width={Math.max(1, long(r.of))} height={20} rx="3" />}
            <rect class="funnel-bar" x={at.names} y={at.line(i)} width={Math.max(r.value > 0 ? 2 : 0, long(r.value))} height={20} rx="3" />
            <text class="bar-end" x={at.names + Math.max(long(r.value), long(r.of ?? 0)) + 7} y={at.line(i) + 14}>
              {r.text}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}

/** One row of ranges: where something lies, and between which ends. */
export interface RangeRow {
  label: string;
  at: number;
  low: number;
  high: number;
  text: string;
  sure?: boolean; // drawn in the colour of what counts
}

/** Ranges of rows. log: ratios, on a scale on which half and twice are equally far from the line at 1. */
export function RangeChart({ rows, title, log = false }: { rows: RangeRow[]; title: string; log?: boolean }) {
  const at = useRows(rows.length);
  const scaled = (n: number) => (log ? Math.log(Math.min(1e3, Math.max(1e-3, n))) : n);
  const all = rows.flatMap((r) => [scaled(r.low), scaled(r.high), scaled(r.at)]);
  const from = Math.min(0, ...all);
  const to = Math.max(log ? 0.7 : 1e-9, ...all);
  const room = Math.max(20, at.width - at.names - ends);
  const x = (n: number) => at.names + ((scaled(n) - from) / (to - from || 1)) * room;
  return (
    <div class="chart" ref={at.ref}>
      <svg width={at.width} height={at.height} role="img" aria-label={title}>
        {log && <line class="range-one" x1={x(1)} x2={x(1)} y1={0} y2={at.height} />}
        {rows.map((r, i) => (
          <g key={i} class={r.sure === false ? "range range-unsure" : "range"}>
            <Name text={r.label} rows={at} i={i} />
            <line x1={x(r.low)} x2={x(r.high)} y1={at.line(i) + 10} y2={at.line(i) + 10} />
            <circle cx={x(r.at)} cy={at.line(i) + 10} r="5" />
            <text class="bar-end" x={Math.max(x(r.high), x(r.at)) + 10} y={at.line(i) + 14}>
              {r.text}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}
