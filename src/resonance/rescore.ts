import type { Encoder } from "../embedding/encoder.ts";
import type { FeatureEvent } from "../features/feature-event.ts";
import type { FeatureSchema, SparseSlab } from "../features/feature-schema.ts";
import { type Share, sumOf } from "./attribution.ts";
import { type Logits, logitsOf } from "./logits.ts";
import { newScoreBuffer, type Scorer, scoreInto } from "./scorer.ts";

/** What a score is made of beside the user. */
export type ScoringParts = Readonly<{ encoder: Encoder; schema: FeatureSchema; scorer: Scorer }>;

/** A user as a shard holds them. */
export type ScoredUser = Readonly<{
  /** The encoder's state, and the features' behind it. */
  held: SparseSlab;
  /** The newest events, in the order in which they were folded. */
  events: readonly FeatureEvent[];
  /** Whether these are all that the user has done. */
  isWhole: boolean;
  /** Time of the newest entry, of which events are a part, epoch ms. */
  atMs: number;
  /** What this user's log prior differs from everybody's by, beside all behaviour; nothing if left out. */
  shifts?: readonly Share[];
  /** What the features read, where that is not what `held` holds; shape [schema.width]. */
  features?: Float32Array;
}>;

/** A user's shifts, as `scoreInto` takes them. */
export function offsetsOf({ shifts }: ScoredUser, segments: number): Float64Array | undefined {
  return shifts === undefined ? undefined : sumOf({ kind: "prior" }, segments + 1, shifts).values;
}

/** Scores a user again, as they are and as they would be without some of what they did. */
export class Rescore {
  readonly #parts: ScoringParts;
  readonly user: ScoredUser;
  /** What the features read; shape [schema.width]. */
  readonly features: Float32Array;
  readonly evidence: number;
  readonly actual: Logits;
  readonly #offsets: Float64Array | undefined;
  readonly #embedding: Float32Array;

  constructor(parts: ScoringParts, user: ScoredUser) {
    const { encoder, schema } = parts;
    const { held, atMs } = user;
    this.#parts = parts;
    this.user = user;
    this.features = user.features ?? new Float32Array(schema.width);
    this.#embedding = new Float32Array(encoder.dim);
    if (user.features === undefined) schema.readSparse(held, atMs, this.features);
    this.#offsets = offsetsOf(user, parts.scorer.segments.length);
    this.evidence = encoder.evidence(held.slab, 0, atMs);
    this.actual = this.logits(held.slab, this.features, this.evidence);
  }

  /** The user's distribution, by what serves it; shape [segments + 1]. */
  distribution(): Float64Array {
    const { encoder, scorer } = this.#parts;
    const { held, atMs } = this.user;
    encoder.embed(held.slab, 0, this.features, atMs, this.#embedding);
    const scores = newScoreBuffer(scorer.segments.length);
    scoreInto(scorer, this.#embedding, this.evidence, scores, this.#offsets);
    return scores.probabilities;
  }

  /** Logits of an encoder's state, features and evidence of any making, as of the user's time. */
  logits(slab: Float64Array, features: Float32Array, evidence: number, atMs = this.user.atMs): Logits {
    this.#parts.encoder.embed(slab, 0, features, atMs, this.#embedding);
    return logitsOf(this.#parts.scorer, this.#embedding, evidence, this.#offsets);
  }

  /** Logits after each of the events held, and before the first: as if these were all that the user did. */
  afterEach(): Float64Array[] {
    const { events, atMs } = this.user;
    const nowMs = (count: number, newestMs: number) =>
      count === events.length ? Math.max(newestMs, atMs) : newestMs;
    return this.#afterEach(nowMs, true);
  }

  /** As {@link without}, without the newest event, the two newest, and so on until none is left. */
  *withoutNewest(): Generator<Float64Array> {
    const { encoder } = this.#parts;
    const { events, held, isWhole } = this.user;
    if (isWhole || encoder.takeOff === undefined) {
      const nowMs = (count: number) => this.#timeWithout(events.slice(0, count));
      yield* this.#afterEach(nowMs, isWhole).reverse().slice(1);
      return;
    }
    const slab = Float64Array.from(held.slab.subarray(0, encoder.slots));
    for (let left = events.length - 1; left >= 0; left--) {
      const nowMs = this.#timeWithout(events.slice(0, left));
      encoder.takeOff(slab, 0, events.slice(left, left + 1), nowMs);
      yield this.logits(slab, this.features, encoder.evidence(slab, 0, nowMs), nowMs).values;
    }
  }

  /** @param isRefolded - Whether features are those of the same events; else as they are. */
  #afterEach(nowMs: (count: number, newestMs: number) => number, isRefolded: boolean): Float64Array[] {
    const { encoder, schema } = this.#parts;
    const { events } = this.user;
    const slab = new Float64Array(encoder.slots);
    const state = new Float64Array(schema.slots);
    const features = isRefolded ? new Float32Array(schema.width) : this.features;
    const after: Float64Array[] = [];
    let newestMs = 0;
    for (let count = 0; count <= events.length; count++) {
      const event = events[count - 1];
      if (event !== undefined) {
        encoder.fold(slab, 0, event);
        if (isRefolded) schema.fold(state, 0, event);
        newestMs = Math.max(newestMs, event.tsMs);
      }
      const atMs = nowMs(count, newestMs);
      if (isRefolded) schema.read(state, 0, atMs, features);
      after.push(this.logits(slab, features, encoder.evidence(slab, 0, atMs), atMs).values);
    }
    return after;
  }

  /** Whether {@link without} is what would have been served: it leaves nothing out that can't be computed again. */
  get isExact(): boolean {
    return this.user.isWhole;
  }

  /**
   * Logits without some of the events held. If older ones are not held, features stay as they are, since they can't be
   * taken back, and so does what the encoder keeps of older events, if it can take events out of its state.
   *
   * @param removed - Places among the events held.
   */
  without(removed: ReadonlySet<number>): Float64Array {
    const { encoder } = this.#parts;
    const { events, held, isWhole } = this.user;
    const left = events.filter((_, e) => !removed.has(e));
    const nowMs = this.#timeWithout(left);
    if (isWhole) return this.#again(left, nowMs);
    const slab = new Float64Array(encoder.slots);
    if (encoder.takeOff === undefined) for (const event of left) encoder.fold(slab, 0, event);
    else {
      slab.set(held.slab.subarray(0, encoder.slots));
      const gone = events.filter((_, e) => removed.has(e));
      if (gone.length > 0) encoder.takeOff(slab, 0, gone, nowMs);
    }
    return this.logits(slab, this.features, encoder.evidence(slab, 0, nowMs), nowMs).values;
  }

  #again(left: readonly FeatureEvent[], nowMs: number): Float64Array {
    const { encoder, schema } = this.#parts;
    const slab = new Float64Array(encoder.slots);
    const state = new Float64Array(schema.slots);
    const features = new Float32Array(schema.width);
    for (const event of left) {
      encoder.fold(slab, 0, event);
      schema.fold(state, 0, event);
    }
    schema.read(state, 0, nowMs, features);
    return this.logits(slab, features, encoder.evidence(slab, 0, nowMs), nowMs).values;
  }

  /** When the user would have been heard of last: an `identify` behind all events stays what it is. */
  #timeWithout(left: readonly FeatureEvent[]): number {
    const { events, atMs } = this.user;
    const newest = (some: readonly FeatureEvent[]) => some.reduce((ms, { tsMs }) => Math.max(ms, tsMs), 0);
    return atMs > newest(events) || left.length === 0 ? atMs : newest(left);
  }
}
