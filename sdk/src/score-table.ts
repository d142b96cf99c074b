import type { Versions, Way } from "./answers.ts";
import type { Position } from "./event.ts";
import { ResonanceError } from "./resonance-error.ts";

/** The reply of `v1.score.batch` in columns, as MessagePack; float32 is little-endian. */
export type ColumnsReply = Readonly<{
  map: string;
  segments: readonly string[];
  users: number;
  known: Uint8Array;
  evidence: Uint8Array;
  none: Uint8Array;
  probabilities: Uint8Array;
  similarities?: Uint8Array;
  resonating?: Uint8Array;
  shards: readonly (Position & Readonly<{ versions: Versions }>)[];
}>;

/** Many users' distributions over one map: a row a user, in the order in which they were asked for. */
export type ScoreTable<Map extends string = string, Segment extends string = string> = Readonly<{
  map: Map;
  users: readonly string[];
  segments: readonly Segment[];
  /** Shape [users]; 1 where anything is held, and may be used, of the user. */
  known: Uint8Array;
  /** Shape [users]; effective events. */
  evidence: Float32Array;
  /** Shape [users]. */
  none: Float32Array;
  /** Shape [users x segments], row by row. */
  probabilities: Float32Array;
  /** Likewise, if asked for. */
  similarities?: Float32Array;
  /** Likewise; 0 or 1. */
  resonating?: Uint8Array;
  /** What the rows of each shard contain. */
  shards: readonly (Position & Readonly<{ versions: Versions }>)[];
  ways: readonly Way[];
  /** The probability of one segment in a row. */
  probability(row: number, segment: Segment): number;
}>;

/** Rows of one reply, and where in the table they belong. */
export type TablePart = Readonly<{ reply: ColumnsReply; places: readonly number[]; way: Way }>;

/**
 * Puts the rows of several replies together.
 *
 * @throws ResonanceError `MIXED_DEFINITIONS` (retryable) if the map's segments were being changed meanwhile.
 */
export function scoreTable(users: readonly string[], parts: readonly TablePart[], map: string): ScoreTable {
  const segments = parts[0]?.reply.segments ?? [];
  for (const { reply } of parts) if (reply.segments.join("\n") !== segments.join("\n")) throw mixed(map);
  const width = segments.length;
  const rows = users.length;
  const known = new Uint8Array(rows);
  const evidence = new Float32Array(rows);
  const none = new Float32Array(rows);
  const probabilities = new Float32Array(rows * width);
  const first = parts[0]?.reply;
  const similarities = first?.similarities === undefined ? undefined : new Float32Array(rows * width);
  const resonating = first?.resonating === undefined ? undefined : new Uint8Array(rows * width);
  for (const { reply, places } of parts) {
    scatter(reply.known, known, 1, places);
    scatter(floats(reply.evidence), evidence, 1, places);
    scatter(floats(reply.none), none, 1, places);
    scatter(floats(reply.probabilities), probabilities, width, places);
    if (similarities !== undefined) scatter(floats(reply.similarities), similarities, width, places);
    if (resonating !== undefined) scatter(reply.resonating, resonating, width, places);
  }
  const columns = new Map(segments.map((segment, k) => [segment, k]));
  return {
    map: first?.map ?? map,
    users,
    segments,
    known,
    evidence,
    none,
    probabilities,
    ...(similarities === undefined ? {} : { similarities }),
    ...(resonating === undefined ? {} : { resonating }),
    shards: parts.flatMap(({ reply }) => reply.shards),
    ways: [...new Set(parts.map(({ way }) => way))],
    probability(row, segment) {
      const column = columns.get(segment);
      if (column === undefined || row < 0 || row >= rows)
        throw new RangeError(`no row ${row} or no segment "${segment}" in this table`);
      return probabilities[row * width + column] ?? 0;
    },
  };
}

function scatter<Values extends Float32Array | Uint8Array>(
  from: Values | undefined,
  to: Values,
  width: number,
  places: readonly number[],
): void {
  if (from === undefined) return;
  for (const [row, place] of places.entries())
    to.set(from.subarray(row * width, (row + 1) * width) as Values, place * width);
}

/** The bytes of a message lie anywhere: a view of floats needs them at a multiple of four. */
function floats(bytes: Uint8Array | undefined): Float32Array | undefined {
  if (bytes === undefined) return undefined;
  return new Float32Array(new Uint8Array(bytes).buffer);
}

function mixed(map: string): ResonanceError {
  const message = `the segments of map "${map}" are being changed: ask again`;
  return new ResonanceError({ code: "MIXED_DEFINITIONS", message, retryable: true });
}
