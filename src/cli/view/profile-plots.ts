import pc from "picocolors";
import type { ProfileQuality, ProfilesReply } from "../../gateway/describe-profiles.ts";
import { sparkline } from "./bars.ts";
import { formatCount } from "./format-number.ts";
import { linePlot } from "./line-plot.ts";

/** Segments that are drawn unless some are named. */
const SEGMENTS_MAX = 8;
/** Every other row has a label. */
const ROWS = 9;
/** Cells of the axis beside a drawing, and the least and most of the drawing itself. */
const AXIS_CELLS = 6;
const COLUMNS = { min: 20, max: 72 } as const;
const AXIS = ["1.00 ┤", " .75 ┤", " .50 ┤", " .25 ┤", "   0 ┤"] as const;

const WHY_OFF: Readonly<Record<string, string>> = {
  "not-fitted": "nothing was fitted for it yet",
  "too-few-accepted": "too few held-out users to prove the precision",
  "precision-not-reached": "the precision is not proven at any threshold",
};

/**
 * Draws how reliable a map's probabilities are, and for its segments what each threshold would be worth.
 *
 * @param columns - Cells of the terminal.
 * @param chosen - Names of the segments to draw; those with most members if left out.
 */
export function drawQuality(map: ProfilesReply, columns: number, chosen?: readonly string[]): string[] {
  const { quality } = map;
  if (quality == null)
    return [`${map.map}: no curves yet: they come with the first fit (resonance calibrate)`];
  const width = Math.max(COLUMNS.min, Math.min(COLUMNS.max, columns - AXIS_CELLS));
  const drawn =
    chosen === undefined
      ? map.segments.toSorted((a, b) => b.members - a.members).slice(0, SEGMENTS_MAX)
      : map.segments.filter(({ segment }) => chosen.includes(segment));
  const left = map.segments.length - drawn.length;
  return [
    ...drawReliability(quality, width),
    ...drawn.flatMap((segment) => ["", ...drawSegment(segment, quality, width)]),
    ...(left > 0 && chosen === undefined
      ? ["", pc.dim(`${left} more segments: name them with --segment`)]
      : []),
  ];
}

function drawReliability(quality: ProfileQuality, width: number): string[] {
  const { reliability, users, ece, logLoss, prior } = quality;
  const curve = {
    x: reliability.map(({ confidence }) => confidence),
    y: reliability.map(({ observed }) => observed),
    style: "line",
  } as const;
  const diagonal = { x: [0, 1], y: [0, 1], style: "dots" } as const;
  const columns = Math.min(width, 2 * ROWS * 2);
  return [
    `reliability · ${formatCount(users)} held-out users · shares of the ${prior} · ECE ${ece.toFixed(3)} · log-loss ${logLoss.toFixed(3)}`,
    ...withAxis(linePlot([curve, diagonal], { columns, rows: ROWS })),
    underline(columns),
    pc.dim("      across: what was told · up: what was so"),
  ];
}

function drawSegment(
  { segment, members, threshold, off }: ProfilesReply["segments"][number],
  quality: ProfileQuality,
  width: number,
): string[] {
  const state =
    threshold === null
      ? pc.yellow(`off: ${WHY_OFF[off ?? ""] ?? off}`)
      : pc.green(`on at ${threshold.enter.toFixed(2)}, off again below ${threshold.leave.toFixed(2)}`);
  const head = `${pc.bold(segment)} · ${formatCount(members)} members · ${state}`;
  const curve = quality.curves.find((one) => one.segment === segment);
  if (curve === undefined || curve.threshold.length === 0) return [head, "  no held-out user comes near it"];
  const at = threshold === null ? -1 : curve.threshold.findIndex((one) => one >= threshold.enter - 1e-9);
  const worth =
    at < 0
      ? []
      : [
          `  there: precision ${curve.precision[at]!.toFixed(2)}, at least ${curve.bound[at]!.toFixed(2)}; reaches ${(100 * curve.share[at]!).toFixed(1)} % of the users`,
        ];
  const lines = [
    { x: curve.threshold, y: curve.precision, style: "line" },
    { x: curve.threshold, y: curve.bound, style: "dots" },
  ] as const;
  return [
    head,
    ...worth,
    ...withAxis(linePlot(lines, { columns: width, rows: ROWS }, threshold?.enter)),
    underline(width),
    pc.dim(`reach ${sparkline(reachAlong(curve, width), width)}`),
    pc.dim("      precision: line · its lower bound: dots · across: the threshold"),
  ];
}

/** Share of users who pass the threshold at the middle of each cell; of those between two points the lower one's. */
function reachAlong(curve: ProfileQuality["curves"][number], width: number): number[] {
  return Array.from({ length: width }, (_, cell) => {
    const at = curve.threshold.findIndex((threshold) => threshold >= (cell + 0.5) / width);
    return at < 0 ? 0 : curve.share[at]!;
  });
}

function withAxis(rows: readonly string[]): string[] {
  return rows.map((row, i) => `${i % 2 === 0 ? AXIS[i / 2] : "     │"}${row}`);
}

/** The x axis with its ends named. */
function underline(columns: number): string {
  const text = `0${" ".repeat(Math.max(0, Math.floor(columns / 2) - 3))}.50`;
  return `${" ".repeat(AXIS_CELLS)}${text}${" ".repeat(Math.max(0, columns - text.length - 4))}1.00`;
}
