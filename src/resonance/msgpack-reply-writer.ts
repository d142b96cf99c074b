import { Buffer } from "node:buffer";
import type { ByteArena } from "../kernel/byte-arena.ts";
import { encode } from "../kernel/msgpack.ts";
import type { ReplyFacts, ReplyValues, ReplyWriter } from "./reply-writer.ts";
import { SegmentParts } from "./segment-parts.ts";
import { strongest } from "./strongest.ts";

const NIL = 0xc0;
const FALSE = 0xc2;
const FLOAT64 = 0xcb;
const UINT32 = 0xce;
const STR8 = 0xd9;
const STR16 = 0xda;
const ARRAY32 = 0xdd;
const MAP32 = 0xdf;
const FIXMAP = 0x80;
const UINT32_END = 2 ** 32;
const NUMBER_BYTES = 9;
const TEXT_HEAD_BYTES = 3;
const UTF8_CHARACTER_BYTES = 3;

/** Constants between the values of a reply's end. */
const NONE = encode("none");
const EVIDENCE = encode("evidence");
/** One field more, at the end. */
const REASON = encode("reason");
const CONSENT = encode("consent");
const FIELDS = 10;

/** Answers as MessagePack; probabilities, similarities and evidence are exact (float64). */
export class MsgpackReplyWriter implements ReplyWriter {
  readonly #arena: ByteArena;
  /** From the beginning to the user, from there to `known`, from there to the number of segments. */
  readonly #start: Uint8Array;
  readonly #map: Uint8Array;
  readonly #before: Uint8Array;
  readonly #segments: SegmentParts;
  readonly #fromEnd: Readonly<{ probability: number; similarity: number; resonating: number }>;
  readonly #versions: Uint8Array;
  readonly #profilesMs: Uint8Array;
  readonly #maps: readonly Uint8Array[];
  readonly #position: Uint8Array;
  readonly #decision = Uint8Array.from(encode("decision"));
  readonly #count: number;

  constructor({ map, segments, versions, maps, shard }: ReplyFacts, arena: ByteArena) {
    this.#arena = arena;
    this.#start = joined([FIXMAP + FIELDS], encode("user"));
    this.#map = joined(encode("map"), encode(map), encode("known"));
    this.#before = encode("segments");
    const number = [FLOAT64, 0, 0, 0, 0, 0, 0, 0, 0];
    const similarity = joined(encode("similarity"), number);
    const resonating = joined(encode("resonating"), [FALSE]);
    const probability = joined(encode("probability"), number);
    const parts = segments.map((name) =>
      joined([FIXMAP + 4], encode("segment"), encode(name), probability, similarity, resonating),
    );
    this.#segments = new SegmentParts(parts, (values, k, end) => this.#patch(values, k, end));
    this.#fromEnd = {
      probability: resonating.length + similarity.length + NUMBER_BYTES - 1,
      similarity: resonating.length + NUMBER_BYTES - 1,
      resonating: 1,
    };
    this.#versions = joined(
      encode("versions"),
      encode(versions),
      encode("ages"),
      [FIXMAP + 2],
      encode("contextMs"),
    );
    this.#profilesMs = joined(encode("profilesMs"), [MAP32], uint32(maps.length));
    this.#maps = maps.map((name) => encode(name));
    this.#position = joined(
      encode("position"),
      [FIXMAP + 2],
      encode("shard"),
      encode(shard),
      encode("sequence"),
    );
    this.#count = segments.length;
  }

  write(values: ReplyValues): Uint8Array {
    const arena = this.#arena;
    const from = arena.open(this.#sizeMax(values));
    const { bytes, view } = arena;
    let at = this.#put(this.#start, from);
    if (values.isRefused) bytes[from] = FIXMAP + FIELDS + 1;
    at = writeText(bytes, at, values.user);
    at = this.#put(this.#map, at);
    bytes[at++] = values.known ? FALSE + 1 : FALSE;
    at = this.#put(this.#before, at);
    const places =
      values.top === undefined ? undefined : strongest(values.probabilities, this.#count, values.top);
    bytes[at] = ARRAY32;
    view.setUint32(at + 1, places?.length ?? this.#count);
    at = this.#segments.write(values, places, bytes, at + 5);
    at = this.#float(NONE, values.probabilities[this.#count] ?? 0, at);
    at = this.#float(EVIDENCE, values.evidence, at);
    at = this.#put(this.#versions, at);
    at = this.#number(values.contextMs, at);
    at = this.#put(this.#profilesMs, at);
    for (const [m, name] of this.#maps.entries())
      at = this.#number(values.profilesMs[m] ?? null, this.#put(name, at));
    at = this.#number(values.sequence, this.#put(this.#position, at));
    at = this.#put(this.#decision, at);
    at = writeText(bytes, at, values.decision);
    if (values.isRefused) at = this.#put(CONSENT, this.#put(REASON, at));
    return arena.close(at);
  }

  #sizeMax({ user, decision }: ReplyValues): number {
    let size = (user.length + decision.length) * UTF8_CHARACTER_BYTES + 2 * TEXT_HEAD_BYTES;
    size += this.#start.length + this.#map.length + 1 + this.#before.length + 5 + this.#segments.length;
    size += NONE.length + EVIDENCE.length + 2 * NUMBER_BYTES + this.#versions.length + NUMBER_BYTES;
    size += this.#profilesMs.length + REASON.length + CONSENT.length;
    for (const name of this.#maps) size += name.length + NUMBER_BYTES;
    return size + this.#position.length + NUMBER_BYTES + this.#decision.length;
  }

  /** Writes a segment's values into its part, which ends at `end`. */
  #patch(values: ReplyValues, k: number, end: number): void {
    const { bytes, view } = this.#arena;
    view.setFloat64(end - this.#fromEnd.probability, values.probabilities[k] ?? 0);
    view.setFloat64(end - this.#fromEnd.similarity, values.similarities[k] ?? 0);
    if (values.resonating[k] === 1) bytes[end - this.#fromEnd.resonating] = FALSE + 1;
  }

  #put(constant: Uint8Array, at: number): number {
    this.#arena.bytes.set(constant, at);
    return at + constant.length;
  }

  #float(name: Uint8Array, value: number, before: number): number {
    const at = this.#put(name, before);
    this.#arena.bytes[at] = FLOAT64;
    this.#arena.view.setFloat64(at + 1, value);
    return at + NUMBER_BYTES;
  }

  /** A whole number as one where 32 bits hold it. */
  #number(value: number | null, at: number): number {
    const { bytes, view } = this.#arena;
    if (value === null) {
      bytes[at] = NIL;
      return at + 1;
    }
    if (value >= 0 && value < UINT32_END && Number.isInteger(value)) {
      bytes[at] = UINT32;
      view.setUint32(at + 1, value);
      return at + 5;
    }
    bytes[at] = FLOAT64;
    view.setFloat64(at + 1, value);
    return at + NUMBER_BYTES;
  }
}

function writeText(bytes: Buffer, at: number, text: string): number {
  const isShort = text.length * UTF8_CHARACTER_BYTES < 256;
  const head = isShort ? 2 : TEXT_HEAD_BYTES;
  const length = bytes.write(text, at + head);
  bytes[at] = isShort ? STR8 : STR16;
  if (isShort) bytes[at + 1] = length;
  else bytes.writeUInt16BE(length, at + 1);
  return at + head + length;
}

function joined(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
}

function uint32(value: number): readonly number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
