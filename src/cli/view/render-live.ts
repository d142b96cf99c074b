import { sparkline } from "./bars.ts";
import { cellWidth, fitToCells } from "./cell-width.ts";
import { formatCount, formatLatency, formatMoment, formatPercent, formatSpan } from "./format-number.ts";
import type { LiveState, LiveTransition } from "./live-state.ts";
import { type Piece, paintLine } from "./painted-line.ts";
import { visitorLines } from "./visitor-lines.ts";

/** Size and abilities of the terminal. */
export type Screen = Readonly<{ columns: number; rows: number; color: boolean }>;

const SPARK_CELLS_MAX = 30;
/** What the rest of the throughput line needs, so that refused events stay in sight at 80 columns. */
const BESIDE_SPARK_CELLS = 62;
const LABEL_CELLS = 11;
/** Transitions come and go: a few lines of them are held open where there is room. */
const TRANSITION_LINES_MIN = 3;

/**
 * Draws the live view. Pure: the same state and screen give the same lines.
 *
 * @returns At most `rows` lines of at most `columns` cells each.
 */
export function renderLive(state: LiveState, screen: Screen): string[] {
  const head = headLines(state, screen.columns);
  const besideVisitors = head.length + 2 + 1 + TRANSITION_LINES_MIN;
  const visitors = visitorLines(state.visitors, {
    columns: screen.columns,
    // On a low screen the visitors matter more than the transitions below them.
    rows: Math.max(screen.rows - besideVisitors, Math.min(8, screen.rows - head.length - 1)),
  });
  const lines: (readonly Piece[])[] = visitors.length > 0 ? [...head, [], ...visitors] : [...head];
  const left = screen.rows - lines.length - 2;
  if (left > 0) lines.push([], ...transitionLines(state.transitions.slice(0, left)));
  return lines.slice(0, Math.max(0, screen.rows)).map((pieces) => paintLine(pieces, screen));
}

/** The same in one line, for a pipe or a log. */
export function summariseLive(state: LiveState): string {
  const latencies = state.latencies.map(
    ({ name, summary }) => `${name} p50 ${formatLatency(summary.p50)} p99 ${formatLatency(summary.p99)}`,
  );
  const parts = [
    `${formatSpan(state.runningMs)} ${formatCount(state.accepted)} events`,
    `${formatCount(state.throughput.at(-1) ?? 0)}/s`,
    ...latencies,
    ...(state.accuracy === null ? [] : [`accuracy ${formatPercent(state.accuracy.accuracy)}`]),
    ...(state.trouble === undefined ? [] : [`trouble: ${state.trouble}`]),
  ];
  return paintLine([{ text: parts.join(" · ") }], { columns: Number.POSITIVE_INFINITY, color: false });
}

function headLines(state: LiveState, columns: number): (readonly Piece[])[] {
  const eventTime = state.eventTimeMs === null ? "" : ` · event time ${formatMoment(state.eventTimeMs)} UTC`;
  const lines: (readonly Piece[])[] = [
    [
      { text: state.title, look: "strong" },
      { text: `  ${formatSpan(state.runningMs)}${eventTime}`, look: "faint" },
    ],
    ...consoleLines(state),
    throughputLine(state, Math.max(8, Math.min(SPARK_CELLS_MAX, columns - BESIDE_SPARK_CELLS))),
    labelled("latency", latencyPieces(state)),
    labelled("versions", [{ text: versionsText(state) }]),
  ];
  if (state.accuracy !== null) lines.push(labelled("accuracy", accuracyPieces(state.accuracy)));
  if (state.trouble !== undefined) lines.push(labelled("trouble", [{ text: state.trouble, look: "bad" }]));
  return lines;
}

function consoleLines({ console }: LiveState): (readonly Piece[])[] {
  if (console === undefined) return [];
  const link: Piece = { text: console.url, look: "accent" };
  return [labelled("console", [link, { text: `  key ${console.operatorKey}`, look: "faint" }])];
}

function throughputLine(state: LiveState, sparkCells: number): readonly Piece[] {
  const shown = state.throughput.slice(-sparkCells);
  const mean = shown.reduce((sum, count) => sum + count, 0) / Math.max(1, shown.length);
  const refused: Piece = {
    text: `, ${formatCount(state.refused)} refused`,
    look: state.refused > 0 ? "warn" : "faint",
  };
  return labelled("events/s", [
    { text: sparkline(shown, sparkCells).padEnd(shown.length > 0 ? shown.length + 1 : 0), look: "accent" },
    { text: formatCount(state.throughput.at(-1) ?? 0), look: "strong" },
    { text: ` now, ${formatCount(mean)} mean · ${formatCount(state.accepted)} in all` },
    refused,
  ]);
}

function latencyPieces(state: LiveState): Piece[] {
  return state.latencies.flatMap(({ name, summary }, index): Piece[] => [
    { text: `${index > 0 ? " · " : ""}${name} p50 ` },
    { text: formatLatency(summary.p50), look: "strong" },
    { text: " p99 " },
    { text: formatLatency(summary.p99), look: "strong" },
  ]);
}

function versionsText(state: LiveState): string {
  if (state.versions === null) return "none yet";
  const { encoder, trained, profiles, segments } = state.versions;
  const maps = Object.entries(profiles).map(([map, version]) => `${map} v${version}`);
  const name = `${encoder.slice(0, 12)} (${trained ? "trained" : "untrained"})`;
  return `encoder ${name} · profiles ${maps.length > 0 ? maps.join(", ") : "none"} · segments v${segments}`;
}

function accuracyPieces(accuracy: NonNullable<LiveState["accuracy"]>): Piece[] {
  return [
    { text: formatPercent(accuracy.accuracy), look: "strong" },
    { text: ` of ${formatCount(accuracy.visitors)} anonymous visitors told right` },
    { text: ` · by guessing: ${formatPercent(accuracy.chance)}`, look: "faint" },
  ];
}

function transitionLines(transitions: readonly LiveTransition[]): (readonly Piece[])[] {
  const userCells = Math.min(20, Math.max(0, ...transitions.map(({ user }) => cellWidth(user))));
  const rows = transitions.map((transition): readonly Piece[] => [
    { text: `${formatMoment(transition.atMs).slice(5)}  `, look: "faint" },
    { text: `${fitToCells(transition.user, userCells)}  ` },
    transition.kind === "entered"
      ? { text: "▲ entered ", look: "good" }
      : { text: "▽ left    ", look: "warn" },
    { text: `${transition.segment} at ${formatPercent(transition.probability)}` },
  ]);
  const none: readonly Piece[] = [{ text: "none yet", look: "faint" }];
  return [[{ text: "transitions", look: "faint" }], ...(rows.length > 0 ? rows : [none])];
}

function labelled(label: string, pieces: readonly Piece[]): readonly Piece[] {
  return [{ text: label.padEnd(LABEL_CELLS), look: "faint" }, ...pieces];
}
