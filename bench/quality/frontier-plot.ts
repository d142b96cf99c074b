import { escapeHtml } from "../report/escape-html.ts";
import { valueScale } from "../report/plot-scale.ts";
import { type CostAndQuality, frontierOf } from "./frontier.ts";

const WIDTH = 640;
const HEIGHT = 360;
const ROOM = { left: 64, right: 150, top: 20, bottom: 52 } as const;
/** Colours that read on white and on black pages alike. */
const INK = {
  axis: "#8a8f98",
  text: "#767b84",
  baseline: "#8a8f98",
  encoder: "#2f7ed8",
  frontier: "#2f7ed8",
} as const;

/** Quality over cost, one point a method, with the line that no method is above: an SVG of its own. */
export function frontierPlot(points: readonly CostAndQuality[], title: string): string {
  const x = valueScale(
    points.map(({ micros }) => micros),
    "from-zero",
  );
  const y = valueScale(
    points.map(({ gain }) => 100 * Math.max(0, gain)),
    "from-zero",
  );
  const left = (share: number): number => round(ROOM.left + share * (WIDTH - ROOM.left - ROOM.right));
  const top = (share: number): number =>
    round(HEIGHT - ROOM.bottom - share * (HEIGHT - ROOM.top - ROOM.bottom));
  const place = ({ micros, gain }: CostAndQuality): [number, number] => [
    left(x.at(micros)),
    top(y.at(100 * Math.max(0, gain))),
  ];
  const text = (at: readonly [number, number], words: string, more = ""): string =>
    `<text x="${at[0]}" y="${at[1]}" fill="${INK.text}" font-size="12" ${more}>${escapeHtml(words)}</text>`;
  const grid = [
    ...y.ticks.map(
      ({ value, text: tick }) =>
        `<path d="M${left(0)} ${top(y.at(value))}H${left(1)}" stroke="${INK.axis}" stroke-opacity=".25"/>${text([left(0) - 8, top(y.at(value)) + 4], `${tick} %`, 'text-anchor="end"')}`,
    ),
    ...x.ticks.map(({ value, text: tick }) =>
      text([left(x.at(value)), HEIGHT - ROOM.bottom + 18], tick, 'text-anchor="middle"'),
    ),
  ];
  const frontier = frontierOf(points).map(place);
  const line =
    frontier.length < 2
      ? ""
      : `<path d="M${frontier.map(([a, b]) => `${a} ${b}`).join("L")}" fill="none" stroke="${INK.frontier}" stroke-dasharray="4 4"/>`;
  const names = apart(points.map((point) => ({ point, at: place(point) })));
  const dots = names.map(({ point, at, nameY }) => {
    const isEncoder = point.kind === "encoder";
    const fill = isEncoder
      ? `fill="${INK.encoder}"`
      : `fill="none" stroke="${INK.baseline}" stroke-width="2"`;
    return `<circle cx="${at[0]}" cy="${at[1]}" r="5" ${fill}><title>${escapeHtml(`${point.method}: ${point.micros.toFixed(1)} us, ${(100 * point.gain).toFixed(1)} %`)}</title></circle>${text([at[0] + 10, nameY], point.method)}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}" font-family="system-ui, sans-serif">
${grid.join("")}${line}${dots.join("")}
${text([left(0.5), HEIGHT - 10], "microseconds a served event", 'text-anchor="middle"')}${text([left(0), 12], "log-loss below the prior's at the end")}</svg>`;
}

/** Names of points that lie close together move down until they can be read. */
function apart(points: readonly Readonly<{ point: CostAndQuality; at: [number, number] }>[]) {
  const placed: { point: CostAndQuality; at: [number, number]; nameY: number }[] = [];
  for (const { point, at } of points.toSorted((a, b) => a.at[1] - b.at[1])) {
    let nameY = at[1] + 4;
    while (
      placed.some((other) => Math.abs(other.at[0] - at[0]) < 120 && Math.abs(other.nameY - nameY) < 13)
    ) {
      nameY += 2;
    }
    placed.push({ point, at, nameY });
  }
  return placed;
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
