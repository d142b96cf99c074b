import { Buffer } from "node:buffer";
import { EngineError } from "../kernel/engine-error.ts";
import { type HalfSipKey, halfSipHash } from "../kernel/half-sip-hash.ts";
import { hash32, rehash32 } from "../kernel/hash.ts";

/**
 * What was answered: the score of a user that is held (`known`) or not (`unknown`), of a session that is not stored, or
 * of many users in columns.
 */
export type DecisionKind = "known" | "unknown" | "session" | "many";

/** What a served answer can be computed from again. */
export type DecisionPlace = Readonly<{
  kind: DecisionKind;
  /** What the shard's outputs are known by; it names shard and generation. */
  key: number;
  /** Last sequence of the shard's log that the answer contains: it pins every version in force. */
  applied: number;
  /** Sequence of the last entry that changed the user's context, whose user it names; 0 if there is none. */
  lastSequence: number;
  /** When it was answered, epoch ms. */
  atMs: number;
  /** Place of the map among those defined. */
  map: number;
  /** As {@link answerDigest} gives it. */
  digest: number;
}>;

/** A decision read from its id. */
export type Decision = DecisionPlace &
  Readonly<{
    /** Whether it may be of a user: no other user of a million passes, most times. */
    isOf(user: string): boolean;
  }>;

const KINDS: readonly DecisionKind[] = ["known", "unknown", "session", "many"];
const FORMAT = "d1";
const DIGITS = Uint8Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", (c) =>
  c.charCodeAt(0),
);
const VALUES = (() => {
  const values = new Int8Array(128).fill(-1);
  for (const [value, code] of DIGITS.entries()) values[code] = value;
  return values;
})();

/** The fields of an id behind its format, and how many digits of six bits each has, the highest first. */
const FIELDS = [
  ["kind", 1],
  ["key", 6],
  ["applied", 8],
  ["back", 8],
  ["atMs", 7],
  ["map", 2],
  ["trace", 5],
  ["digest", 5],
  ["serving", 5],
  ["counter", 5],
  ["tag", 6],
] as const;
type Fields = Record<(typeof FIELDS)[number][0], number>;
const DIGITS_OF = Uint8Array.from(FIELDS, ([, digits]) => digits);
/** Where the digits of each field end. */
const ENDS = Uint8Array.from(FIELDS, (_, f) =>
  FIELDS.slice(0, f + 1).reduce((sum, [, digits]) => sum + digits, FORMAT.length),
);
const LENGTH = ENDS.at(-1)!;
const THIRTY_BITS = 2 ** 30 - 1;
const TWO_TO_24 = 2 ** 24;
const TWO_TO_32 = 2 ** 32;
/** Numbers that the checksum is made of. */
const WORDS = 12;

/**
 * Makes the ids of one server's decisions. An id has 60 characters of base64url's alphabet: format, kind, and the
 * fields of {@link DecisionPlace}, a keyed trace of the user (not the user's id), a number that no other answer has, and a
 * keyed checksum, so that an id that was guessed or mistyped is refused. Nothing is stored for it.
 */
export class DecisionIds {
  readonly #secret: HalfSipKey;
  readonly #serving: number;
  #counter = 0;
  readonly #text = Buffer.alloc(LENGTH);
  readonly #values = new Float64Array(FIELDS.length);
  readonly #words = new Uint32Array(WORDS);

  /** @param serving - A word that no other server of decisions has. */
  constructor(secret: HalfSipKey, serving: string) {
    this.#secret = secret;
    this.#serving = hash32(serving) & THIRTY_BITS;
    this.#text.write(FORMAT, 0, "latin1");
  }

  /** The id of an answer about a user; "" for many. */
  next(place: DecisionPlace, user: string): string {
    const { kind, key, applied, lastSequence, atMs, map, digest } = place;
    const counter = this.#counter++ & THIRTY_BITS;
    return this.#write({
      kind: KINDS.indexOf(kind),
      key,
      applied,
      back: applied - lastSequence,
      atMs,
      map,
      trace: traceOf(user, counter, this.#secret),
      digest,
      serving: this.#serving,
      counter,
    });
  }

  /**
   * What an id tells.
   *
   * @throws EngineError `BAD_DECISION` if it was not made under the same secret.
   */
  read(id: string): Decision {
    if (id.length !== LENGTH || !id.startsWith(FORMAT)) throw badDecision();
    const fields = fieldsIn(id);
    const kind = KINDS[fields.kind];
    if (kind === undefined || this.#write(fields) !== id) throw badDecision();
    const { key, applied, back, atMs, map, digest, counter, trace } = fields;
    const isOf = (user: string): boolean => traceOf(user, counter, this.#secret) === trace;
    return { kind, key, applied, lastSequence: applied - back, atMs, map, digest, isOf };
  }

  /** The fields' text, with the tag that belongs to them. */
  #write(fields: Omit<Fields, "tag">): string {
    const text = this.#text;
    const values = this.#values;
    // One by one: a loop over the names takes twice as long.
    values[0] = fields.kind;
    values[1] = fields.key;
    values[2] = fields.applied;
    values[3] = fields.back;
    values[4] = fields.atMs;
    values[5] = fields.map;
    values[6] = fields.trace;
    values[7] = fields.digest;
    values[8] = fields.serving;
    values[9] = fields.counter;
    values[10] = this.#tagOf(fields);
    for (let f = 0; f < FIELDS.length; f++) putDigits(text, ENDS[f]!, DIGITS_OF[f]!, values[f]!);
    return text.toString("latin1", 0, LENGTH);
  }

  #tagOf({
    kind,
    key,
    applied,
    back,
    atMs,
    map,
    trace,
    digest,
    serving,
    counter,
  }: Omit<Fields, "tag">): number {
    const words = this.#words;
    words[0] = kind | (map << 8);
    words[1] = key;
    words[2] = applied;
    words[3] = applied / TWO_TO_32;
    words[4] = back;
    words[5] = back / TWO_TO_32;
    words[6] = atMs;
    words[7] = atMs / TWO_TO_32;
    words[8] = trace;
    words[9] = digest;
    words[10] = serving;
    words[11] = counter;
    return halfSipHash(words, WORDS, this.#secret);
  }
}

/** Writes a whole number's digits, the last one before `end`. */
function putDigits(text: Uint8Array, end: number, digits: number, value: number): void {
  const high = Math.floor(value / TWO_TO_24);
  let low = value - high * TWO_TO_24;
  for (let i = 1; i <= digits; i++) {
    if (i === 5) low = high;
    text[end - i] = DIGITS[low & 63]!;
    low >>>= 6;
  }
}

/** @throws EngineError `BAD_DECISION` if a character is no digit. */
function fieldsIn(id: string): Fields {
  const fields = {} as Fields;
  for (const [f, [field, digits]] of FIELDS.entries()) {
    fields[field] = 0;
    for (let at = ENDS[f]! - digits; at < ENDS[f]!; at++) {
      const digit = VALUES[id.charCodeAt(at)] ?? -1; // Codes beyond ASCII have none.
      if (digit < 0) throw badDecision();
      fields[field] = fields[field] * 64 + digit;
    }
  }
  return fields;
}

/** A trace of a user that is another one in each id. */
function traceOf(user: string, counter: number, [low, high]: HalfSipKey): number {
  return rehash32(hash32(user, low), high ^ counter) & THIRTY_BITS;
}

/**
 * A digest of a distribution: a replay that gives another one was not one of the same answer. Of an exclusive map each
 * probability depends on every logit, so a few tell for all.
 *
 * @param bits - The probabilities' bits, two words each; shape [2 x (segments + 1)].
 * @returns Thirty bits.
 */
export function answerDigest(bits: Uint32Array, segments: number): number {
  let digest = segments;
  for (const k of [0, segments >> 1, segments]) {
    digest = rehash32(bits[2 * k]!, digest);
    digest = rehash32(bits[2 * k + 1]!, digest);
  }
  return digest & THIRTY_BITS;
}

function badDecision(): EngineError {
  const message =
    "this is no id that this deployment gave to an answer: send the `decision` of an answer as it came";
  return new EngineError({ code: "BAD_DECISION", message, retryable: false });
}

/** What a decision was made from is not kept any more. */
export function decisionTooOld(reason: string): EngineError {
  const message = `the decision can't be replayed any more: ${reason}`;
  return new EngineError({ code: "DECISION_TOO_OLD", message, retryable: false });
}
