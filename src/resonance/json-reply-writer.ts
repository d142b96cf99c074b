import { Buffer } from "node:buffer";
import type { ByteArena } from "../kernel/byte-arena.ts";
import type { ReplyFacts, ReplyValues, ReplyWriter } from "./reply-writer.ts";
import { SegmentParts } from "./segment-parts.ts";
import { strongest } from "./strongest.ts";

/** Templates of the values: twelve decimals of a probability, sign and eight decimals of a similarity. */
const PROBABILITY = "0.000000000000";
const SIMILARITY = " 0.00000000";
const FLAG = "false";
/** From the last segment on. */
const NONE = Buffer.from(`],"none":${PROBABILITY}`);
const REFUSED = ',"reason":"consent"';
const ZERO = 0x30;
const BLANK = 0x20;
const MINUS = 0x2d;
const E = 0x65;
const ESCAPED_CHARACTER_BYTES = 6;
const UTF8_CHARACTER_BYTES = 3;

/** The four digits of each number below 10,000 as the bytes of one, the first digit first. */
const QUADS = Uint32Array.from({ length: 10_000 }, (_, value) => {
  const digit = (place: number): number => ZERO + (Math.floor(value / 10 ** place) % 10);
  return digit(3) * 2 ** 24 + digit(2) * 2 ** 16 + digit(1) * 2 ** 8 + digit(0);
});

/**
 * Answers as JSON. Probabilities have twelve decimals, similarities eight; a similarity that is not negative has a blank
 * before it, and a `true` one behind it, so that all stay in their places.
 */
export class JsonReplyWriter implements ReplyWriter {
  readonly #arena: ByteArena;
  /** From behind the user to the first segment. */
  readonly #before: Uint8Array;
  /** All segments, each with a comma behind it. */
  readonly #segments: SegmentParts;
  /** Places of the values in a segment's part, counted from its end. */
  readonly #fromEnd: Readonly<{ probability: number; similarity: number; resonating: number }>;
  readonly #knownAt: number;
  readonly #versions: string;
  readonly #maps: readonly string[];
  readonly #shard: number;
  readonly #count: number;

  constructor({ map, segments, versions, maps, shard }: ReplyFacts, arena: ByteArena) {
    this.#arena = arena;
    const known = `,"map":${JSON.stringify(map)},"known":`;
    this.#knownAt = Buffer.byteLength(known);
    this.#before = Buffer.from(`${known}${FLAG},"segments":[`);
    const behind = `${PROBABILITY},"similarity":${SIMILARITY},"resonating":${FLAG}},`;
    const parts = segments.map((name) => `{"segment":${JSON.stringify(name)},"probability":${behind}`);
    this.#segments = new SegmentParts(
      parts.map((part) => Buffer.from(part)),
      (values, k, end) => this.#patch(values, k, end),
    );
    this.#fromEnd = {
      probability: behind.length,
      similarity: behind.length - behind.indexOf(SIMILARITY),
      resonating: behind.length - behind.indexOf(FLAG),
    };
    this.#versions = `,"versions":${JSON.stringify(versions)},"ages":{"contextMs":`;
    this.#maps = maps.map((name) => JSON.stringify(name));
    this.#shard = shard;
    this.#count = segments.length;
  }

  write(values: ReplyValues): Uint8Array {
    const head = `{"user":${JSON.stringify(values.user)}`;
    const tail = this.#tail(values);
    const arena = this.#arena;
    const from = arena.open(
      values.user.length * ESCAPED_CHARACTER_BYTES +
        tail.length * UTF8_CHARACTER_BYTES +
        this.#before.length +
        this.#segments.length +
        head.length +
        NONE.length,
    );
    const { bytes } = arena;
    let at = from + bytes.write(head, from);
    bytes.set(this.#before, at);
    writeFlag(bytes, at + this.#knownAt, values.known);
    at += this.#before.length;
    const places =
      values.top === undefined ? undefined : strongest(values.probabilities, this.#count, values.top);
    at = this.#segments.write(values, places, bytes, at);
    if (this.#count > 0) at--; // The comma behind the last segment.
    bytes.set(NONE, at);
    at += NONE.length;
    writeProbability(arena.view, at - PROBABILITY.length, values.probabilities[this.#count] ?? 0);
    return arena.close(at + bytes.write(tail, at));
  }

  /** Writes a segment's values into its part, which ends at `end`. */
  #patch(values: ReplyValues, k: number, end: number): void {
    const { bytes, view } = this.#arena;
    writeProbability(view, end - this.#fromEnd.probability, values.probabilities[k] ?? 0);
    writeSimilarity(view, end - this.#fromEnd.similarity, values.similarities[k] ?? 0);
    if (values.resonating[k] === 1) writeFlag(bytes, end - this.#fromEnd.resonating, true);
  }

  #tail({ evidence, contextMs, profilesMs, sequence, decision, isRefused }: ReplyValues): string {
    let ages = "";
    for (const [m, name] of this.#maps.entries()) ages += `${m === 0 ? "" : ","}${name}:${profilesMs[m]}`;
    const position = `{"shard":${this.#shard},"sequence":${sequence}}`;
    return `,"evidence":${evidence}${this.#versions}${contextMs},"profilesMs":{${ages}}},"position":${position},"decision":"${decision}"${isRefused ? REFUSED : ""}}`;
  }
}

function writeFlag(bytes: Uint8Array, at: number, flag: boolean): void {
  bytes[at] = flag ? 0x74 : 0x66;
  bytes[at + 1] = flag ? 0x72 : 0x61;
  bytes[at + 2] = flag ? 0x75 : 0x6c;
  bytes[at + 3] = flag ? E : 0x73;
  bytes[at + 4] = flag ? BLANK : E;
}

/** @param value - In [0, 1]. */
function writeProbability(view: DataView, at: number, value: number): void {
  let units = Math.round(value * 1e12);
  if (units >= 1e12) {
    view.setUint8(at, ZERO + 1);
    units -= 1e12;
  }
  const high = (units / 1e8) | 0;
  const low = (units - high * 1e8) | 0; // Below 2^31, so that the rest is of whole numbers.
  const middle = (low / 10_000) | 0;
  view.setUint32(at + 2, QUADS[high] ?? 0);
  view.setUint32(at + 6, QUADS[middle] ?? 0);
  view.setUint32(at + 10, QUADS[low - middle * 10_000] ?? 0);
}

/** @param value - In [-1, 1]. */
function writeSimilarity(view: DataView, at: number, value: number): void {
  let units = Math.round(Math.abs(value) * 1e8) | 0;
  if (value < 0 && units > 0) view.setUint8(at, MINUS);
  if (units >= 1e8) {
    view.setUint8(at + 1, ZERO + 1);
    units -= 1e8;
  }
  const high = (units / 10_000) | 0;
  view.setUint32(at + 3, QUADS[high] ?? 0);
  view.setUint32(at + 7, QUADS[units - high * 10_000] ?? 0);
}
