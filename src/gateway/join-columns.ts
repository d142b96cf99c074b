import { EngineError } from "../kernel/engine-error.ts";
import type { ShardColumns, Versions } from "../resonance/score-answer.ts";

/** Many users' answers in columns, in the order of the request's users. */
export type ColumnsReply<Column> = Readonly<{
  map: string;
  segments: readonly string[];
  /** Rows. */
  users: number;
  /** Shape [users]; as bytes 0 or 1. */
  known: Column;
  /** Shape [users]; effective events behind each row. */
  evidence: Column;
  none: Column;
  /** Shape [users x segments], a row a user. */
  probabilities: Column;
  similarities?: Column;
  /** Shape [users x segments]; 0 or 1. */
  resonating?: Column;
  /** What the rows of each shard contain. */
  shards: readonly Readonly<{ shard: number; sequence: number; versions: Versions }>[];
  /** Id of all these answers together. */
  decision: string;
}>;

/** A shard's rows, and the places of their users in the request. */
export type ShardRows = Readonly<{ columns: ShardColumns; places: readonly number[] }>;

type Values = Pick<ShardColumns, "known" | "evidence" | "none" | "probabilities"> &
  Partial<Pick<ShardColumns, "similarities" | "resonating">>;

const FLOAT_BYTES = 4;
/** Decimals of a column in JSON: as many as a float32 below 1 has, so that 1,000 users of 64 segments fit a message. */
const JSON_SCALE = 1e7;

/**
 * Puts the shards' rows into the order of the request.
 *
 * @returns Columns as bytes: float32, little-endian, and 0 or 1 for flags.
 * @throws EngineError `MIXED_DEFINITIONS` (retryable) if the shards hold different segments at this moment.
 */
export function joinColumns(
  parts: readonly ShardRows[],
  facts: Readonly<{ map: string; users: number; decision: string }>,
): ColumnsReply<Uint8Array> {
  const first = parts[0]?.columns;
  const segments = first?.segments ?? [];
  for (const { columns } of parts) {
    const isSame =
      columns.segments.length === segments.length &&
      columns.segments.every((name, k) => name === segments[k]);
    if (!isSame) throw mixedDefinitions(facts.map);
  }
  const { map, users, decision } = facts;
  const joined = (name: keyof Values, rowBytes: number): Uint8Array => {
    const all = new Uint8Array(users * rowBytes);
    for (const { columns, places } of parts) {
      const rows = columns[name];
      if (rows === undefined) continue;
      for (const [row, place] of places.entries())
        all.set(rows.subarray(row * rowBytes, (row + 1) * rowBytes), place * rowBytes);
    }
    return all;
  };
  const width = segments.length;
  return {
    map,
    segments,
    users,
    known: joined("known", 1),
    evidence: joined("evidence", FLOAT_BYTES),
    none: joined("none", FLOAT_BYTES),
    probabilities: joined("probabilities", width * FLOAT_BYTES),
    ...(first?.similarities === undefined
      ? {}
      : { similarities: joined("similarities", width * FLOAT_BYTES) }),
    ...(first?.resonating === undefined ? {} : { resonating: joined("resonating", width) }),
    shards: parts.map(({ columns }) => ({ ...columns.position, versions: columns.versions })),
    decision,
  };
}

/** The same with lists of numbers and flags, for JSON. */
export function columnsAsLists(reply: ColumnsReply<Uint8Array>): ColumnsReply<readonly (number | boolean)[]> {
  const { known, evidence, none, probabilities, similarities, resonating, ...facts } = reply;
  return {
    ...facts,
    known: flagsOf(known),
    evidence: numbersOf(evidence),
    none: numbersOf(none),
    probabilities: numbersOf(probabilities),
    ...(similarities === undefined ? {} : { similarities: numbersOf(similarities) }),
    ...(resonating === undefined ? {} : { resonating: flagsOf(resonating) }),
  };
}

function flagsOf(bytes: Uint8Array): boolean[] {
  return Array.from(bytes, (byte) => byte === 1);
}

function numbersOf(bytes: Uint8Array): number[] {
  const floats = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / FLOAT_BYTES);
  return Array.from(floats, (value) => Math.round(value * JSON_SCALE) / JSON_SCALE);
}

function mixedDefinitions(map: string): EngineError {
  const message = `the segments of map "${map}" are being changed: ask again`;
  return new EngineError({ code: "MIXED_DEFINITIONS", message, retryable: true, detail: { map } });
}
