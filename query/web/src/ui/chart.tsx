// Charts are drawn as SVG by what they know; each stands beside a table with
// the same numbers, so that no number exists in a picture only.
import { useEffect, useRef, useState } from "preact/hooks";
import { compact, count } from "../format";

/** One series of a line chart: as many values as there are labels. */
export interface Series {
  name: string;
  values: number[];
  dashed?: boolean;
}

/** The width of an element, followed as it changes. */
export function useWidth() {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(720);
  useEffect(() => {
    const el = ref.current;
    if (!el) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.max(240, Math.round(entry.contentRect.width))));
    observer.observe(el);
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}

/** Round steps for an axis from 0 to at least max: about five lines, whole numbers. */
export function ticks(max: number): number[] {
  const top = Math.max(1, max);
  const power = 10 ** Math.floor(Math.log10(top / 4));
  const fitting = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= top / 4) ?? top;
  const step = Math.max(1, Math.ceil(fitting));
  return Array.from({ length: Math.ceil(top / step) + 1 }, (_, i) => i * step);
}

const height = 220;
const margin = { top: 12, right: 12, bottom: 26, left: 40 };

/** A line chart with a crosshair that follows the pointer. */
export function LineChart(props: { title: string; labels: string[]; series: Series[] }) {
  const { ref, width } = useWidth();
  const [at, setAt] = useState<number | null>(null);
  const n = props.labels.length;
  const lines = ticks(Math.max(1, ...props.series.flatMap((s) => s.values)));
  const top = lines[lines.length - 1] || 1;
  const inner = { w: width - margin.left - margin.right, h: height - margin.top - margin.bottom };
  const x = (i: number) => margin.left + (n < 2 ? inner.w / 2 : (i / (n - 1)) * inner.w);
  const y = (v: number) => margin.top + inner.h - (v / top) * inner.h;
  const follow = (e: PointerEvent) => {
    const box = (e.currentTarget as Element).getBoundingClientRect();
    const i = n < 2 ? 0 : Math.round(((e.clientX - box.left - margin.left) / inner.w) * (n - 1));
    setAt(Math.min(n - 1, Math.max(0, i)));
  };
  const every = Math.max(1, Math.ceil(n / Math.max(2, Math.floor(inner.w / 76))));
  return (
    <div class="chart" ref={ref}>
      <svg width={width} height={height} role="img" aria-label={props.title} onPointerMove={follow} onPointerLeave={() => setAt(null)}>
        {lines.map((v) => (
          <g key={v} class="grid">
            <line x1={margin.left} x2={width - margin.right} y1={y(v)} y2={y(v)} />
            <text x={margin.left - 8} y={y(v) + 4} text-anchor="end">
              {compact(v)}
            </text>
          </g>
        ))}
        {props.labels.map((label, i) =>
          i % every === 0 ? (
            <text key={i} class="tick" x={x(i)} y={height - 6} text-anchor={i === 0 && n > 1 ? "start" : i === n - 1 && n > 1 ? "end" : "middle"}>
              {label}
            </text>
          ) : null,
        )}
        {props.series.map((s) => (
          <Line key={s.name} series={s} x={x} y={y} floor={y(0)} />
        ))}
        {at !== null && <line class="cross" x1={x(at)} x2={x(at)} y1={margin.top} y2={margin.top + inner.h} />}
      </svg>
      {at !== null && (
        <div class="tip" style={{ left: `${Math.min(Math.max(x(at), 70), width - 70)}px` }} aria-hidden="true">
          <span>{props.labels[at]}</span>
          {props.series.map((s) => (
            <span key={s.name} class={s.dashed ? "tip-dashed" : ""}>
              {s.name} <strong>{count(s.values[at] ?? 0)}</strong>
            </span>
          ))}
        </div>
      )}
      {props.series.length > 1 && (
        <p class="legend">
          {props.series.map((s) => (
            <span key={s.name} class={s.dashed ? "legend-dashed" : "legend-line"}>
              {s.name}
            </span>
          ))}
        </p>
      )}
    </div>
  );
}

function Line({ series, x, y, floor }: { series: Series; x: (i: number) => number; y: (v: number) => number; floor: number }) {
  const points = series.values.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`);
  if (points.length === 0) return null;
  const last = series.values.length - 1;
  return (
    <g class={series.dashed ? "line line-dashed" : "line"}>
      {!series.dashed && last > 0 && <path class="area" d={`M${x(0)},${floor}L${points.join("L")}L${x(last)},${floor}Z`} />}
      {last > 0 ? <path d={`M${points.join("L")}`} /> : <circle cx={x(0)} cy={y(series.values[0] ?? 0)} r="4" />}
    </g>
  );
}

/** Shortens a label to about so many pixels. */
export function clip(text: string, pixels: number): string {
  const letters = Math.max(2, Math.floor(pixels / 6.6));
  return text.length <= letters ? text : `${text.slice(0, letters - 1)}…`;
}
