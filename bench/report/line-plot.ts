import type { Series } from "../harness/bench-result.ts";
import { figure } from "../harness/result-table.ts";
import { escapeHtml } from "./escape-html.ts";
import { percentileScale, type Scale, sizeScale, valueScale } from "./plot-scale.ts";

const WIDTH = 460;
const HEIGHT = 280;
/** Room for the texts around the plot. */
const ROOM = { left: 60, right: 18, top: 12, bottom: 44 } as const;
/** Colours of the style; a plot of more lines uses them again, dashed. */
const COLOURS = 6;
/** Points of longer series get no dots. */
const DOTTED_MAX = 20;

/** Series of one kind with the same labels, drawn into one plot: an SVG, with the names of its lines above it. */
export function linePlot(series: readonly Series[]): string {
  const drawn = series.map((one) => ({ ...one, points: one.points.filter(isFinitePoint) }));
  const first = drawn[0];
  if (first === undefined || drawn.every(({ points }) => points.length === 0)) return "";
  const xs = drawn.flatMap(({ points }) => points.map(([x]) => x));
  const ys = drawn.flatMap(({ points }) => points.map(([, y]) => y));
  const x = horizontalScale(first.kind, xs);
  const y = valueScale(ys, first.kind === "percentiles" ? "powers-if-wide" : "from-zero");
  const lines = drawn.map((one, index) => lineOf(one, index, x, y)).join("");
  const title = `${first.scenario}: ${drawn.map(({ name }) => name).join(", ")}`;
  return `${legend(drawn)}<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">
${grid(x, y)}${axisTexts(first)}${lines}</svg>`;
}

function horizontalScale(kind: Series["kind"], xs: readonly number[]): Scale {
  if (kind === "percentiles") return percentileScale(xs);
  return kind === "growth" ? sizeScale(xs) : valueScale(xs, "from-zero");
}

function isFinitePoint([x, y]: readonly [number, number]): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}

function left(share: number): number {
  return round(ROOM.left + share * (WIDTH - ROOM.left - ROOM.right));
}

function top(share: number): number {
  return round(HEIGHT - ROOM.bottom - share * (HEIGHT - ROOM.top - ROOM.bottom));
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function grid(x: Scale, y: Scale): string {
  const [begin, end, floor, ceiling] = [left(0), left(1), top(0), top(1)];
  const rows = y.ticks.map(({ value, text }) => {
    const at = top(y.at(value));
    return `<path class="grid" d="M${begin} ${at}H${end}"/><text class="tick" x="${begin - 8}" y="${at + 4}" text-anchor="end">${escapeHtml(text)}</text>`;
  });
  const columns = x.ticks.map(({ value, text }) => {
    const at = left(x.at(value));
    return `<path class="grid" d="M${at} ${floor}V${ceiling}"/><text class="tick" x="${at}" y="${floor + 18}" text-anchor="middle">${escapeHtml(text)}</text>`;
  });
  return `${rows.join("")}${columns.join("")}`;
}

function axisTexts({ xLabel, yLabel }: Series): string {
  const middle = top(0.5);
  return `<text class="label" x="${left(0.5)}" y="${HEIGHT - 6}" text-anchor="middle">${escapeHtml(xLabel)}</text>
<text class="label" x="14" y="${middle}" text-anchor="middle" transform="rotate(-90 14 ${middle})">${escapeHtml(yLabel)}</text>`;
}

function lineOf({ name, points }: Series, index: number, x: Scale, y: Scale): string {
  const placed = points.map(([px, py]) => [left(x.at(px)), top(y.at(py))] as const);
  const path = placed.map(([px, py], i) => `${i === 0 ? "M" : "L"}${px} ${py}`).join("");
  const dots =
    points.length > DOTTED_MAX ? [] : points.map((point, i) => dotOf(name, point, placed[i] ?? [0, 0]));
  return `<g class="${styleOf(index)}"><path class="line" d="${path}"/>${dots.join("")}</g>`;
}

function dotOf(name: string, [x, y]: readonly [number, number], [px, py]: readonly [number, number]): string {
  const text = escapeHtml(`${name}: ${figure(x)}, ${figure(y)}`);
  return `<circle class="dot" cx="${px}" cy="${py}" r="3"><title>${text}</title></circle>`;
}

function legend(series: readonly Series[]): string {
  const items = series.map(
    ({ name }, index) =>
      `<li class="${styleOf(index)}"><svg viewBox="0 0 24 8" aria-hidden="true"><path class="line" d="M0 4H24"/></svg>${escapeHtml(name)}</li>`,
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

function styleOf(index: number): string {
  return `c${index % COLOURS}${index >= COLOURS ? " dashed" : ""}`;
}
