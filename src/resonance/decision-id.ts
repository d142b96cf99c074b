import { Buffer } from "node:buffer";
import { EngineError } from "../kernel/engine-error.ts";
import { type HalfSipKey, halfSipHash } from "../kernel/half-sip-hash.ts";
import { hash32, rehash32 } from "../kernel/hash.ts";

/**
 * What was answered: the score of a user that is held (`known`) or not (`unknown`), of a session or a request's context that is not
 * stored, or of many users in columns.
 */
export type DecisionKind = "known" | "unknown" | "session" | "many";

/** What was chosen, in the id of an answer that chooses content. Everything is a place, since an id has no room for names. */
export type ChosenContent = Readonly<{
  /** Version of the catalogue that the places are of. */
  catalogue: number;
  placement: number;
  /** Among all contents of the catalogue; undefined if none was chosen. */
  content: number | undefined;
  /** Place of how it was chosen, among those that the caller numbers. */
  arm: number;
  /** Probability with which this content was chosen of those that could be, in [0, 1]; kept within 2^-37. */
  propensity: number;
}>;

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
  /** Left out if the answer chooses nothing. */
  chosen?: ChosenContent;
}>;

/** A decision read from its id. */
export type Decision = DecisionPlace &
  Readonly<{
    /** A number that no one chose, of 32 bits: what is drawn for an answer by it can be drawn again. */
    chance: number;
    /** Whether it may be of a user: no other user of a million passes, most times. */
    isOf(user: string): boolean;
  }>;

const KINDS: readonly DecisionKind[] = ["known", "unknown", "session", "many"];
const FORMAT = "d1";
/** The same, with {@link ChosenContent} behind it. */
const CONTENT_FORMAT = "d2";
const FORMAT_PAIRS = new Uint16Array(Uint8Array.from(Buffer.from(FORMAT + CONTENT_FORMAT)).buffer);
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** Two digits at a time: half of the steps. */
const PAIRS = new Uint16Array(
  Uint8Array.from({ length: 2 * 4_096 }, (_, at) => {
    const pair = at >> 1;
    return ALPHABET.charCodeAt(at % 2 === 0 ? pair >> 6 : pair & 63);
  }).buffer,
);
/** Values of the digits by their codes; -1 for what is none. */
const VALUES = (() => {
  const values = new Int8Array(128).fill(-1);
  for (const [value, digit] of [...ALPHABET].entries()) values[digit.charCodeAt(0)] = value;
  return values;
})();

/** The numbers of an id behind its format, and how many pairs of digits each has: twelve bits a pair, the highest first. */
const NUMBERS = [
  ["what", 1],
  ["key", 3],
  ["applied", 4],
  ["back", 4],
  ["atMs", 4],
  ["trace", 3],
  ["digest", 3],
  ["serving", 3],
  ["counter", 3],
  ["tag", 3],
  // Only where something was chosen.
  ["catalogue", 2],
  ["placement", 1],
  ["content", 2],
  ["arm", 1],
  ["propensity", 3],
] as const;
/** Those of every id. */
const COMMON = 10;
type Name = (typeof NUMBERS)[number][0];
const AT = Object.fromEntries(NUMBERS.map(([name], at) => [name, at])) as Record<Name, number>;
const PAIRS_OF = Uint8Array.from(NUMBERS, ([, pairs]) => pairs);
const PAIRS_IN_ALL = 1 + PAIRS_OF.reduce((sum, pairs) => sum + pairs, 0);
const LENGTH = 2 * (1 + PAIRS_OF.subarray(0, COMMON).reduce((sum, pairs) => sum + pairs, 0));
const CONTENT_LENGTH = 2 * PAIRS_IN_ALL;
/** What a propensity of 1 is written as. */
const CERTAIN = 2 ** 36 - 1;
const THIRTY_BITS = 2 ** 30 - 1;
const TWO_TO_24 = 2 ** 24;
const TWO_TO_32 = 2 ** 32;
/** Words that the tag is made of. */
const WORDS = 12;
const CONTENT_WORDS = 17;
const KIND_BITS = 2;
const PLACEMENT_BITS = 12;

/**
 * Makes the ids of one server's decisions. An id has 64 characters of base64url's alphabet, or 82 where something was
 * chosen: format, the numbers of {@link DecisionPlace}, a keyed trace of the user (not the user's id), a number that no other answer has, and a keyed
 * checksum, so that an id that was guessed or mistyped is refused. Nothing is stored for it.
 */
export class DecisionIds {
  readonly #secret: HalfSipKey;
  readonly #serving: number;
  #counter = 0;
  readonly #text = Buffer.alloc(CONTENT_LENGTH);
  readonly #pairs = new Uint16Array(this.#text.buffer, this.#text.byteOffset, PAIRS_IN_ALL);
  /** Those of {@link NUMBERS}. */
  readonly #numbers = new Float64Array(NUMBERS.length);
  readonly #words = new Uint32Array(CONTENT_WORDS);

  /** @param serving - A word that no other server of decisions has. */
  constructor(secret: HalfSipKey, serving: string) {
    this.#secret = secret;
    this.#serving = hash32(serving) & THIRTY_BITS;
  }

  /** What {@link Decision.chance} of the next id will be. */
  get upcoming(): number {
    return rehash32(this.#counter & THIRTY_BITS, this.#serving);
  }

  /** The id of an answer about a user; "" for many. */
  next(place: DecisionPlace, user: string): string {
    const numbers = this.#numbers;
    const counter = this.#counter++ & THIRTY_BITS;
    // One by one: a loop over the names takes twice as long.
    numbers[0] = KINDS.indexOf(place.kind) | (place.map << KIND_BITS);
    numbers[1] = place.key;
    numbers[2] = place.applied;
    numbers[3] = place.applied - place.lastSequence;
    numbers[4] = place.atMs;
    numbers[5] = traceOf(user, counter, this.#secret);
    numbers[6] = place.digest;
    numbers[7] = this.#serving;
    numbers[8] = counter;
    const { chosen } = place;
    if (chosen === undefined) return this.#sealed(COMMON);
    numbers[10] = chosen.catalogue;
    numbers[11] = chosen.placement;
    numbers[12] = chosen.content === undefined ? 0 : chosen.content + 1;
    numbers[13] = chosen.arm;
    numbers[14] = Math.round(chosen.propensity * CERTAIN);
    return this.#sealed(NUMBERS.length);
  }

  /**
   * What an id tells.
   *
   * @throws EngineError `BAD_DECISION` if it was not made under the same secret.
   */
  read(id: string): Decision {
    const isContent = id.length === CONTENT_LENGTH && id.startsWith(CONTENT_FORMAT);
    if (!isContent && (id.length !== LENGTH || !id.startsWith(FORMAT))) throw badDecision();
    const count = isContent ? NUMBERS.length : COMMON;
    readNumbers(id, this.#numbers, count);
    const of = (name: Name): number => this.#numbers[AT[name]]!;
    const [what, applied, counter, trace] = [of("what"), of("applied"), of("counter"), of("trace")];
    const place: DecisionPlace = {
      kind: KINDS[what & (2 ** KIND_BITS - 1)]!,
      key: of("key"),
      applied,
      lastSequence: applied - of("back"),
      atMs: of("atMs"),
      map: what >> KIND_BITS,
      digest: of("digest"),
      ...(isContent ? { chosen: chosenOf(of) } : {}),
    };
    if (this.#sealed(count) !== id) throw badDecision();
    const chance = rehash32(counter, of("serving"));
    return { ...place, chance, isOf: (user) => traceOf(user, counter, this.#secret) === trace };
  }

  /** The text of the first `length` numbers, with the tag that belongs to them. */
  #sealed(length: number): string {
    const numbers = this.#numbers;
    const isContent = length > COMMON;
    numbers[9] = this.#tag(isContent);
    const pairs = this.#pairs;
    pairs[0] = FORMAT_PAIRS[isContent ? 1 : 0]!;
    let end = 1; // Behind the format.
    for (let n = 0; n < length; n++) {
      const count = PAIRS_OF[n]!;
      end += count;
      const high = Math.floor(numbers[n]! / TWO_TO_24);
      let low = numbers[n]! - high * TWO_TO_24;
      for (let i = 1; i <= count; i++) {
        if (i === 3) low = high;
        pairs[end - i] = PAIRS[low & 4_095]!;
        low >>>= 12;
      }
    }
    return this.#text.toString("latin1", 0, 2 * end);
  }

  #tag(isContent: boolean): number {
    const numbers = this.#numbers;
    const words = this.#words;
    words[0] = numbers[0]!;
    words[1] = numbers[1]!;
    words[2] = numbers[2]!;
    words[3] = numbers[2]! / TWO_TO_32;
    words[4] = numbers[3]!;
    words[5] = numbers[3]! / TWO_TO_32;
    words[6] = numbers[4]!;
    words[7] = numbers[4]! / TWO_TO_32;
    words[8] = numbers[5]!;
    words[9] = numbers[6]!;
    words[10] = numbers[7]!;
    words[11] = numbers[8]!;
    if (!isContent) return halfSipHash(words, WORDS, this.#secret);
    words[12] = numbers[10]!;
    words[13] = numbers[11]! | (numbers[13]! << PLACEMENT_BITS);
    words[14] = numbers[12]!;
    words[15] = numbers[14]!;
    words[16] = numbers[14]! / TWO_TO_32;
    return halfSipHash(words, CONTENT_WORDS, this.#secret);
  }
}

function chosenOf(of: (name: Name) => number): ChosenContent {
  const content = of("content");
  return {
    catalogue: of("catalogue"),
    placement: of("placement"),
    content: content === 0 ? undefined : content - 1,
    arm: of("arm"),
    propensity: of("propensity") / CERTAIN,
  };
}

/** @throws EngineError `BAD_DECISION` if a character is no digit. */
function readNumbers(id: string, into: Float64Array, count: number): void {
  let at = FORMAT.length;
  for (let n = 0; n < count; n++) {
    const pairs = PAIRS_OF[n]!;
    let number = 0;
    for (const end = at + 2 * pairs; at < end; at++) {
      const digit = VALUES[id.charCodeAt(at)] ?? -1; // Codes beyond ASCII have none.
      if (digit < 0) throw badDecision();
      number = number * 64 + digit;
    }
    into[n] = number;
  }
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
