import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { isDark } from "../theme.ts";
import "uplot/dist/uPlot.min.css";
import "../views.css";

/** One line of a chart. */
export type Line = Readonly<{
  name: string;
  /** By x; null where there is nothing. */
  values: readonly (number | null)[];
  /** Name of a custom property, such as `--series-1`. */
  colour: string;
  dashed?: boolean;
  width?: number;
  /** Steps from one value to the next, instead of straight lines. */
  stepped?: boolean;
  hasPoints?: boolean;
  /** Points alone, without a line. */
  isScatter?: boolean;
}>;

/** A mark across the chart at an x. */
export type ChartMark = Readonly<{ x: number; colour: string; dashed?: boolean }>;

type Props = Readonly<{
  /** What it shows, for whoever does not see it. */
  label: string;
  x: readonly number[];
  lines: readonly Line[];
  /** Pairs of lines between which the ground is filled. */
  bands?: readonly (readonly [upper: number, lower: number])[];
  height?: number;
  xLabel: string;
  yLabel: string;
  xIsTime?: boolean;
  xRange?: readonly [number, number];
  yRange?: readonly [number, number];
  formatX?: (x: number) => string;
  formatY: (y: number) => string;
  marks?: readonly ChartMark[];
  /** Whoever points at the chart picks an x by its place. */
  picked?: (index: number) => void;
  /** Lines at these y. */
  levels?: readonly Readonly<{ y: number; colour: string }>[];
}>;

/** Lines over x, drawn on a canvas; a table beside it tells the same to whoever does not see it. */
export function Chart(props: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const now = useRef(props);
  now.current = props;
  const { label, height = 260, lines } = props;
  const dark = isDark.value;
  // What a chart is built of; all else changes in place.
  const shape = JSON.stringify([
    lines.map(({ values: _, ...line }) => line),
    ...[props.bands, props.xLabel, props.yLabel, props.xIsTime, height, dark],
  ]);
  useEffect(() => {
    const room = holder.current;
    if (room === null) return;
    const made = new uPlot(optionsOf(now, room), dataOf(now.current), room);
    plot.current = made;
    const click = (): void => {
      const index = made.cursor.idx;
      if (index !== null && index !== undefined) now.current.picked?.(index);
    };
    made.over.addEventListener("click", click);
    const resizing = new ResizeObserver(() => made.setSize({ width: room.clientWidth, height }));
    resizing.observe(room);
    return () => {
      resizing.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape]);
  useEffect(() => {
    plot.current?.setData(dataOf(props));
  });
  return (
    <div
      class={props.picked === undefined ? "chart" : "chart chart-picks"}
      ref={holder}
      role="img"
      aria-label={label}
    />
  );
}

/** A chart with a legend, and what is told below it. */
export function Figure({
  caption,
  lines,
  children,
}: {
  caption: ComponentChildren;
  lines?: readonly Pick<Line, "name" | "colour" | "dashed" | "isScatter">[];
  children: ComponentChildren;
}) {
  return (
    <figure class="figure">
      <figcaption class="figure-caption">{caption}</figcaption>
      {children}
      {lines === undefined ? null : (
        <ul class="legend">
          {lines.map(({ name, colour, dashed, isScatter }) => (
            <li key={name}>
              <span
                class={
                  isScatter === true ? "swatch-dot" : dashed === true ? "swatch swatch-dashed" : "swatch"
                }
                style={{ borderColor: `var(${colour})` }}
                aria-hidden="true"
              />
              {name}
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}

function dataOf({ x, lines }: Props): uPlot.AlignedData {
  return [[...x], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData;
}

function optionsOf(now: { readonly current: Props }, room: HTMLElement): uPlot.Options {
  const { lines, bands = [], height = 260, xIsTime = false, xLabel, yLabel } = now.current;
  const style = getComputedStyle(room);
  const colourOf = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colourOf("--ink-2"),
    grid: { stroke: colourOf("--line"), width: 1 },
    ticks: { stroke: colourOf("--line"), width: 1, size: 4 },
    font: `12px ${style.fontFamily}`,
    labelFont: `600 12px ${style.fontFamily}`,
    labelSize: 18,
    labelGap: 2,
  };
  const formatX = now.current.formatX;
  return {
    width: Math.max(room.clientWidth, 240),
    height,
    padding: [10, 22, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: { time: xIsTime, range: (_, min, max) => rangeOf(now.current.xRange, min, max) },
      y: { range: (_, min, max) => rangeOf(now.current.yRange, min, max) },
    },
    axes: [
      {
        ...axis,
        label: xLabel,
        size: 32,
        ...(xIsTime ? { space: 90 } : {}),
        ...(formatX === undefined
          ? {}
          : { values: (_: uPlot, ticks: number[]) => ticks.map((tick) => formatX(tick)) }),
      },
      {
        ...axis,
        label: yLabel,
        size: 60,
        values: (_, ticks) => ticks.map((tick) => now.current.formatY(tick)),
      },
    ],
    series: [
      {},
      ...lines.map(({ name, colour, dashed, width = 2, stepped, hasPoints, isScatter }): uPlot.Series => {
        const paths = stepped === true ? uPlot.paths.stepped?.({ align: -1 }) : undefined;
        return {
          label: name,
          stroke: colourOf(colour),
          width: isScatter === true ? 0 : width,
          points: {
            show: hasPoints === true || isScatter === true,
            size: isScatter === true ? 9 : 6,
            fill: colourOf(colour),
          },
          ...(isScatter === true ? { paths: () => null } : {}),
          ...(dashed === true ? { dash: [6, 5] } : {}),
          ...(paths === undefined ? {} : { paths }),
        };
      }),
    ],
    bands: bands.map(([upper, lower]) => ({
      series: [upper + 1, lower + 1],
      fill: withAlpha(colourOf(lines[upper]?.colour ?? "--accent"), 0.14),
    })),
    hooks: { draw: [(chart) => drawMarks(chart, now.current, colourOf)] },
  };
}

function rangeOf(fixed: readonly [number, number] | undefined, min: number, max: number): [number, number] {
  if (fixed !== undefined) return [fixed[0], fixed[1]];
  if (min === max) return [min - 1, max + 1];
  const room = (max - min) * 0.06;
  return [min - room, max + room];
}

function drawMarks(
  chart: uPlot,
  { marks = [], levels = [] }: Props,
  colourOf: (name: string) => string,
): void {
  const { ctx } = chart;
  const { left, top, width, height } = chart.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.lineWidth = devicePixelRatio;
  for (const { x, colour, dashed } of marks) {
    const at = chart.valToPos(x, "x", true);
    ctx.strokeStyle = colourOf(colour);
    ctx.setLineDash(dashed === true ? [4 * devicePixelRatio, 4 * devicePixelRatio] : []);
    ctx.beginPath();
    ctx.moveTo(at, top);
    ctx.lineTo(at, top + height);
    ctx.stroke();
  }
  for (const { y, colour } of levels) {
    const at = chart.valToPos(y, "y", true);
    ctx.strokeStyle = colourOf(colour);
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(left, at);
    ctx.lineTo(left + width, at);
    ctx.stroke();
  }
  ctx.restore();
}

/** A colour given as `#rrggbb`, with an alpha. */
function withAlpha(colour: string, alpha: number): string {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  if (hex === null) return colour;
  const [r, g, b] = hex.slice(1).map((part) => Number.parseInt(part, 16));
  return `rgb(${r} ${g} ${b} / ${alpha})`;
}
