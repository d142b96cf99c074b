import { type ContentType, encodeReply } from "../events/decode-request.ts";
import { EngineError } from "../kernel/engine-error.ts";
import type { ShardColumns, Versions } from "./score-answer.ts";

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

type FloatColumn = "evidence" | "none" | "probabilities" | "similarities";

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
    const isSame = columns.segments.every((name, k) => name === segments[k]);
    if (!isSame || columns.segments.length !== segments.length) throw mixedDefinitions(facts.map);
  }
  const { map, users, decision } = facts;
  const flags = (name: "known" | "resonating", width: number): Uint8Array => {
    const all = new Uint8Array(users * width);
    for (const { columns, places } of parts) scatter(columns[name], all, width, places);
    return all;
  };
  const floats = (name: FloatColumn, width: number): Uint8Array => {
    const all = new Float32Array(users * width);
    for (const { columns, places } of parts) scatter(floatsOf(columns[name]), all, width, places);
    return new Uint8Array(all.buffer);
  };
  const width = segments.length;
  return {
    map,
    segments,
    users,
    known: flags("known", 1),
    evidence: floats("evidence", 1),
    none: floats("none", 1),
    probabilities: floats("probabilities", width),
    ...(first?.similarities === undefined ? {} : { similarities: floats("similarities", width) }),
    ...(first?.resonating === undefined ? {} : { resonating: flags("resonating", width) }),
    shards: parts.map(({ columns }) => ({ ...columns.position, versions: columns.versions })),
    decision,
  };
}

/** The shards' rows in the order of the request, written as a reply. */
export function encodeColumns(
  parts: readonly ShardRows[],
  facts: Parameters<typeof joinColumns>[1],
  type: ContentType,
): Uint8Array {
  const joined = joinColumns(parts, facts);
  return encodeReply(type === "application/json" ? columnsAsLists(joined) : joined, type);
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

/** Copies rows to their places. Loops, since a view for each row would cost more than the row. */
function scatter<Values extends Float32Array | Uint8Array>(
  rows: Values | undefined,
  all: Values,
  width: number,
  places: readonly number[],
): void {
  if (rows === undefined) return;
  for (const [row, place] of places.entries()) {
    const from = row * width;
    const to = place * width;
    for (let i = 0; i < width; i++) all[to + i] = rows[from + i] ?? 0;
  }
}

/** The bytes may lie at an odd place: then they are copied. */
function floatsOf(bytes: Uint8Array | undefined): Float32Array | undefined {
  if (bytes === undefined) return undefined;
  const aligned = bytes.byteOffset % FLOAT_BYTES === 0 ? bytes : new Uint8Array(bytes);
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.length / FLOAT_BYTES);
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
