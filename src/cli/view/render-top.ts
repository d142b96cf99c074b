import type { TopOrder, TopState } from "../top/top-state.ts";
import { sparkline } from "./bars.ts";
import { formatCount, formatLatency } from "./format-number.ts";
import { type Piece, paintLine } from "./painted-line.ts";
import type { Screen } from "./render-live.ts";
import { renderTable, type TableColumn } from "./table.ts";

/** How the picture is wanted. */
export type TopLook = Readonly<{ order: TopOrder; isPaused: boolean; isLive: boolean }>;

const LABEL_CELLS = 9;
const SPARK_CELLS = 24;
/** Tables stand beside each other from so many cells on. */
const WIDE = 120;
const GAP_CELLS = 2;

type Line = readonly Piece[];

/**
 * Draws `resonance top`. Pure: the same state, look and screen give the same lines.
 *
 * @returns At most `rows` lines of at most `columns` cells each.
 */
export function renderTop(state: TopState, look: TopLook, screen: Screen): string[] {
  const head = headLines(state, look);
  const foot: Line[] = look.isLive
    ? [
        [
          {
            text: `q ends · p ${look.isPaused ? "goes on" : "pauses"} · s sorts by ${nextOf(look.order)}`,
            look: "faint",
          },
        ],
      ]
    : [];
  const room = Math.max(0, screen.rows - head.length - foot.length - 1);
  const body =
    screen.columns >= WIDE ? wideBody(state, look, screen, room) : narrowBody(state, look, screen, room);
  return [...head, [], ...body, ...foot]
    .slice(0, Math.max(0, screen.rows))
    .map((pieces) => paintLine(pieces, screen));
}

/** What the key for sorting leads to. */
function nextOf(order: TopOrder): TopOrder {
  return ({ lag: "rate", rate: "name", name: "lag" } as const)[order];
}

function headLines(state: TopState, { order, isPaused }: TopLook): Line[] {
  const { ready, nodes, shards, users, troubles, refusals } = state;
  const time = new Date(state.timeMs).toISOString().slice(11, 19);
  const shown = refusals
    .slice(0, 3)
    .map(
      ({ code, count, perSecond }) =>
        `${code} ${formatCount(count)}${perSecond ? ` (${rateText(perSecond)}/s)` : ""}`,
    );
  return [
    [
      { text: "resonance top ", look: "strong" },
      ...(isPaused ? [{ text: "paused · ", look: "warn" } as const] : []),
      ready ? { text: "ready", look: "good" } : { text: "NOT READY", look: "bad" },
      { text: ` · ${nodes.length} nodes · ${shards.length} shards · ${formatCount(users)} users` },
      { text: `  ${time} UTC · by ${order}`, look: "faint" },
    ],
    labelled("events/s", [
      { text: sparkline(state.eventsBefore, SPARK_CELLS).padEnd(SPARK_CELLS), look: "accent" },
      { text: ` ${rateText(state.eventsPerSecond)}`, look: "strong" },
      { text: ` folded · ${rateText(state.scoresPerSecond)} scores/s` },
    ]),
    labelled("lag", [
      { text: sparkline(state.lagBefore, SPARK_CELLS).padEnd(SPARK_CELLS), look: "accent" },
      { text: ` ${formatCount(state.lag)}`, look: "strong" },
      { text: ` entries · status in ${formatLatency(state.statusMs)}` },
    ]),
    labelled("refused", [
      { text: shown.length === 0 ? "none" : shown.join(" · "), look: shown.length === 0 ? "faint" : "warn" },
    ]),
    ...(troubles.length === 0 ? [] : [labelled("trouble", [{ text: troubles.join(" · "), look: "bad" }])]),
  ];
}

function narrowBody(state: TopState, look: TopLook, screen: Screen, rows: number): Line[] {
  const nodes = nodeTable(state, look.order, screen.columns);
  const segments = segmentTable(state, screen.columns);
  const endpoints = endpointTable(state, look.order, screen.columns);
  const shards = shardTable(state, look.order, screen.columns);
  return stacked([nodes, endpoints, segments, shards], rows);
}

function wideBody(state: TopState, look: TopLook, screen: Screen, rows: number): Line[] {
  const half = Math.floor((screen.columns - GAP_CELLS) / 2);
  const left = stacked([nodeTable(state, look.order, half), shardTable(state, look.order, half)], rows);
  const right = stacked([endpointTable(state, look.order, half), segmentTable(state, half)], rows);
  return Array.from({ length: Math.max(left.length, right.length) }, (_, i) => {
    const [first, second] = [left[i] ?? [], right[i] ?? []];
    const width = first.reduce((sum, { text }) => sum + text.length, 0);
    return second.length === 0
      ? first
      : [...first, { text: " ".repeat(half + GAP_CELLS - width) }, ...second];
  });
}

/** Tables below each other; each gets its title and two rows first, then what is left, in order. */
function stacked(tables: readonly (readonly string[])[], rows: number): Line[] {
  const given = tables.filter((table) => table.length > 1);
  const least = given.map((table) => Math.min(table.length, 3));
  let left = rows - least.reduce((sum, one) => sum + one + 1, 0) + 1;
  const lines: Line[] = [];
  for (const [i, table] of given.entries()) {
    const more = Math.max(0, Math.min(table.length - (least[i] ?? 0), left));
    left -= more;
    const [title = "", ...body] = table.slice(0, (least[i] ?? 0) + more);
    const hidden = table.length - 1 - body.length;
    if (lines.length > 0) lines.push([]);
    lines.push([
      { text: title, look: "faint" },
      ...(hidden > 0 ? [{ text: `  +${hidden}`, look: "faint" } as const] : []),
    ]);
    lines.push(...body.map((text): Line => [{ text }]));
  }
  return lines.slice(0, Math.max(0, rows));
}

function nodeTable({ nodes }: TopState, order: TopOrder, columns: number): string[] {
  const sorted = nodes.toSorted(
    by(
      order,
      (node) => node.lag,
      (node) => node.eventsPerSecond,
      (node) => node.name,
    ),
  );
  const rows = sorted.map(({ name, roles, owns, standsBy, eventsPerSecond, lag, state }) => [
    name,
    state,
    String(owns),
    String(standsBy),
    rateText(eventsPerSecond),
    formatCount(lag),
    roles.map((role) => role[0]).join(""),
  ]);
  return renderTable(
    [
      text("node"),
      text("state"),
      number("owns"),
      number("copies"),
      number("events/s"),
      number("lag"),
      text("roles"),
    ],
    rows,
    columns,
  );
}

function shardTable({ shards }: TopState, order: TopOrder, columns: number): string[] {
  const sorted = shards.toSorted(
    by(
      order,
      (one) => one.lag ?? Number.POSITIVE_INFINITY,
      (one) => one.eventsPerSecond,
      (one) => one.shard,
    ),
  );
  const rows = sorted.map(
    ({ shard, owner, eventsPerSecond, lag, users, resident, deadLetters, diskFull }) => [
      String(shard),
      owner ?? "nobody",
      rateText(eventsPerSecond),
      lag === null ? "–" : formatCount(lag),
      formatCount(users),
      formatCount(resident),
      formatCount(deadLetters),
      diskFull ? "disk full" : "",
    ],
  );
  return renderTable(
    [
      number("shard"),
      text("owner"),
      number("events/s"),
      number("lag"),
      number("users"),
      number("in memory"),
      number("dead"),
      text(""),
    ],
    rows,
    columns,
  );
}

function endpointTable({ endpoints }: TopState, order: TopOrder, columns: number): string[] {
  const used = endpoints.filter(({ perSecond, failedPerSecond }) => perSecond > 0 || failedPerSecond > 0);
  const sorted = used.toSorted(
    by(
      order,
      (one) => one.meanMs,
      (one) => one.perSecond,
      (one) => one.endpoint,
    ),
  );
  const rows = sorted.map(({ endpoint, perSecond, meanMs, failedPerSecond }) => [
    endpoint,
    rateText(perSecond),
    formatLatency(meanMs),
    rateText(failedPerSecond),
  ]);
  return renderTable([text("request"), number("each s"), number("mean"), number("failed")], rows, columns);
}

function segmentTable({ segments }: TopState, columns: number): string[] {
  const rows = segments.map(({ segment, enteredPerSecond, leftPerSecond }) => [
    segment,
    rateText(enteredPerSecond),
    rateText(leftPerSecond),
  ]);
  return renderTable([text("segment"), number("entered/s"), number("left/s")], rows, columns);
}

/** The greatest first, or by name. */
function by<Item>(
  order: TopOrder,
  lag: (item: Item) => number | null,
  rate: (item: Item) => number | null,
  name: (item: Item) => string | number,
): (a: Item, b: Item) => number {
  const byName = (a: Item, b: Item): number => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0);
  if (order === "name") return byName;
  const key = order === "lag" ? lag : rate;
  return (a, b) => (key(b) ?? -1) - (key(a) ?? -1) || byName(a, b);
}

/** Few are told with a digit behind the point, so that one in ten seconds is not none. */
function rateText(perSecond: number | null): string {
  if (perSecond === null) return "–";
  return perSecond > 0 && perSecond < 9.95 ? perSecond.toFixed(1) : formatCount(perSecond);
}

function labelled(label: string, pieces: readonly Piece[]): Line {
  return [{ text: label.padEnd(LABEL_CELLS), look: "faint" }, ...pieces];
}

function text(title: string): TableColumn {
  return { title, align: "left" };
}

function number(title: string): TableColumn {
  return { title, align: "right" };
}
