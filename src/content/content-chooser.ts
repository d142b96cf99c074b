import { assert } from "../kernel/assert.ts";
import { rehash32 } from "../kernel/hash.ts";
import type { Policy } from "./policy.ts";
import type { WorthPool } from "./worth-pool.ts";

/** What a choice depends on: the same request gets the same answer, anywhere and at any time. */
export type ChoiceRequest = {
  pool: WorthPool;
  policy: Policy;
  /** Share of decisions that take any eligible content, in [0, 1]. */
  floor: number;
  /** The user's posterior; shape [segments + 1], "none" last. Of an independent map, one probability a segment. */
  posterior: Float64Array;
  /** That of a user of whom nothing is known; the same shape. */
  prior: Float64Array;
  /** Places of eligible contents in the pool's table, as `eligibleInto` writes them; the first `eligibleCount` count. */
  eligible: Uint16Array;
  /** >= 1. */
  eligibleCount: number;
  /** The decision's own number: an unsigned 32-bit integer, of which all chance in the choice is made. */
  number: number;
};

/** What was chosen. */
export type Choice = {
  /** Place of the content in the pool's table. */
  content: number;
  /** Probability with which this policy chooses it for this user under these rates, in (0, 1]. */
  propensity: number;
};

/** Segments whose own rates are looked at; the others, and those less likely than this, have everybody's. */
const SEGMENTS_MAX = 8;
const PROBABILITY_MIN = 0.02;
const TWO_TO_32 = 2 ** 32;
/** More than what sums in another order differ by. */
const ROUNDING = 1 + 1e-9;
/** What a number is mixed with for each of the uses that it is put to. */
const SALT = { explores: 1, explored: 2, row: 3, segment: 4 } as const;

/**
 * Chooses contents. It keeps its scratch space, so that a choice allocates nothing; what is
 * chosen depends on the request alone.
 *
 * @see METHODS 3.4.
 */
export class ContentChooser {
  /** The segments that are told apart, the last one being everybody, and their probabilities. */
  readonly #segments = new Int32Array(SEGMENTS_MAX + 1);
  readonly #probabilities = new Float64Array(SEGMENTS_MAX + 1);
  #likely = 0;
  readonly #cells: Float64Array[] = new Array(SEGMENTS_MAX + 1).fill(new Float64Array(0));
  #worth = new Float64Array(0);
  #best = new Float64Array(0);
  #winners = new Uint16Array(0);
  #bounds = new Float64Array(0);

  /** Chooses, and tells with what probability. */
  choose(request: ChoiceRequest, out: Choice): void {
    const { policy, floor, eligibleCount } = request;
    const rows = this.#begin(request);
    if (policy.segments === "averaged") {
      this.#findWinners(request, 0, this.#likely, 0, rows);
      out.content = explores(request) ? explored(request) : this.#winners[rowOf(request, rows)]!;
      out.propensity = propensity(this.#winsOf(out.content, rows) / rows, floor, eligibleCount);
      return;
    }
    const content = this.#contentChosen(request, rows);
    let share = 0;
    for (let i = 0; i < this.#likely; i++) {
      this.#findWinners(request, i, i + 1, 0, rows);
      share += this.#probabilities[i]! * (this.#winsOf(content, rows) / rows);
    }
    out.content = content;
    out.propensity = propensity(share, floor, eligibleCount);
  }

  /** What {@link choose} would choose, at a fraction of its cost: for a decision that is compared and not served. */
  contentOf(request: ChoiceRequest): number {
    return this.#contentChosen(request, this.#begin(request));
  }

  /** @returns The rows that there are to choose from. */
  #begin(request: ChoiceRequest): number {
    assert(request.eligibleCount >= 1, "there is something to choose from");
    this.#pickLikely(request);
    const rows = request.policy.rates === "drawn" ? request.pool.rows : 1;
    this.#makeRoom(rows);
    return rows;
  }

  #contentChosen(request: ChoiceRequest, rows: number): number {
    if (explores(request)) return explored(request);
    const row = rowOf(request, rows);
    if (request.policy.segments === "averaged") this.#findWinners(request, 0, this.#likely, row, row + 1);
    else {
      const drawn = this.#drawSegment(share(request.number, SALT.segment));
      this.#findWinners(request, drawn, drawn + 1, row, row + 1);
    }
    return this.#winners[row]!;
  }

  /** Finds the few segments that matter; what is left over is everybody's. */
  #pickLikely({ policy, pool, posterior, prior }: ChoiceRequest): void {
    const everybody = pool.table.segments.length;
    const from = policy.over === "prior" ? prior : posterior;
    // A placebo is as sure of itself as the posterior, of another segment.
    const turned = policy.over === "shuffled" ? 1 : 0;
    let count = 0;
    let taken = 0;
    if (policy.over !== "nobody") {
      for (let k = 0; k < everybody; k++) {
        const source = k + turned;
        const probability = from[source >= everybody ? 0 : source]!;
        if (probability < PROBABILITY_MIN) continue;
        let at = count;
        if (count < SEGMENTS_MAX) count++;
        else {
          at = this.#leastLikely();
          if (this.#probabilities[at]! >= probability) continue;
          taken -= this.#probabilities[at]!;
        }
        this.#segments[at] = k;
        this.#probabilities[at] = probability;
        taken += probability;
      }
    }
    // In an independent map a visitor may be of several segments: they share the decision.
    if (taken > 1) for (let i = 0; i < count; i++) this.#probabilities[i]! /= taken;
    this.#segments[count] = everybody;
    this.#probabilities[count] = Math.max(0, 1 - taken);
    this.#likely = count + 1;
  }

  #leastLikely(): number {
    let least = 0;
    for (let i = 1; i < SEGMENTS_MAX; i++)
      if (this.#probabilities[i]! < this.#probabilities[least]!) least = i;
    return least;
  }

  #drawSegment(at: number): number {
    let below = 0;
    for (let i = 0; i < this.#likely - 1; i++) {
      below += this.#probabilities[i]!;
      if (at < below) return i;
    }
    return this.#likely - 1;
  }

  /** For some rows the content of most worth, averaged over some of the likely segments; of equals the first by place. */
  #findWinners(request: ChoiceRequest, from: number, to: number, row: number, rowEnd: number): void {
    const { policy, eligible, eligibleCount } = request;
    const isMany = policy.rates === "drawn" && rowEnd - row > 1 && eligibleCount > 1;
    // A likely winner first: once the rates are known, most others can't reach it in any row and need not be weighed.
    const leader = isMany ? this.#boundAll(request, from, to) : 0;
    this.#best.fill(Number.NEGATIVE_INFINITY, row, rowEnd);
    this.#enter(request, eligible[leader]!, from, to, row, rowEnd);
    const least = isMany ? lowest(this.#best, row, rowEnd) : 0;
    for (let i = 0; i < eligibleCount; i++) {
      if (i === leader || (isMany && this.#bounds[i]! < least)) continue;
      this.#enter(request, eligible[i]!, from, to, row, rowEnd);
    }
  }

  /** Weighs a content, and lets it win the rows in which it is worth more than those before. */
  #enter(
    { pool, policy }: ChoiceRequest,
    content: number,
    from: number,
    to: number,
    row: number,
    end: number,
  ): void {
    for (let j = from; j < to; j++) {
      const k = this.#segments[j]!;
      this.#cells[j - from] = policy.rates === "drawn" ? pool.drawn(k, content) : pool.mean(k, content);
    }
    weigh(this.#cells, this.#probabilities, from, to, this.#worth, row, end);
    compete(this.#worth, content, this.#best, this.#winners, row, end);
  }

  /**
   * Finds what each content is worth in no row more than.
   *
   * @returns Whose bound is the highest.
   */
  #boundAll({ pool, eligible, eligibleCount }: ChoiceRequest, from: number, to: number): number {
    if (this.#bounds.length < eligibleCount) this.#bounds = new Float64Array(eligibleCount);
    let leader = 0;
    for (let i = 0; i < eligibleCount; i++) {
      let bound = 0;
      for (let j = from; j < to; j++) {
        const probability = to - from === 1 ? 1 : this.#probabilities[j]!;
        bound += probability * pool.highest(this.#segments[j]!, eligible[i]!);
      }
      this.#bounds[i] = bound * ROUNDING;
      if (this.#bounds[i]! > this.#bounds[leader]!) leader = i;
    }
    return leader;
  }

  #winsOf(content: number, rows: number): number {
    let wins = 0;
    for (let row = 0; row < rows; row++) if (this.#winners[row] === content) wins++;
    return wins;
  }

  #makeRoom(rows: number): void {
    if (this.#worth.length >= rows) return;
    this.#worth = new Float64Array(rows);
    this.#best = new Float64Array(rows);
    this.#winners = new Uint16Array(rows);
  }
}

function explores({ number, floor }: ChoiceRequest): boolean {
  return share(number, SALT.explores) < floor;
}

function explored({ number, eligible, eligibleCount }: ChoiceRequest): number {
  return eligible[Math.floor(share(number, SALT.explored) * eligibleCount)]!;
}

function rowOf({ number }: ChoiceRequest, rows: number): number {
  return Math.floor(share(number, SALT.row) * rows);
}

function propensity(share: number, floor: number, eligible: number): number {
  return (1 - floor) * share + floor / eligible;
}

/** A share in [0, 1) that a number and a use have. */
function share(number: number, salt: number): number {
  return rehash32(number, salt) / TWO_TO_32;
}

/** The average of cells `from` to `to`, the first at the place 0; three at a time, since most of the time goes to memory. */
function weigh(
  cells: readonly Float64Array[],
  probabilities: Float64Array,
  from: number,
  to: number,
  worth: Float64Array,
  begin: number,
  end: number,
): void {
  const count = to - from;
  for (let j = 0; j < count; j += 3) {
    const one = cells[j]!;
    const two = j + 1 < count ? cells[j + 1]! : one;
    const three = j + 2 < count ? cells[j + 2]! : one;
    const p = count === 1 ? 1 : probabilities[from + j]!; // One alone may have a probability of 0.
    const q = j + 1 < count ? probabilities[from + j + 1]! : 0;
    const r = j + 2 < count ? probabilities[from + j + 2]! : 0;
    if (j === 0)
      for (let row = begin; row < end; row++) worth[row] = p * one[row]! + q * two[row]! + r * three[row]!;
    else
      for (let row = begin; row < end; row++)
        worth[row] = worth[row]! + (p * one[row]! + q * two[row]! + r * three[row]!);
  }
}

function lowest(values: Float64Array, begin: number, end: number): number {
  let least = values[begin]!;
  for (let at = begin + 1; at < end; at++) if (values[at]! < least) least = values[at]!;
  return least;
}

/** Of equals the first by place stays. */
function compete(
  worth: Float64Array,
  content: number,
  best: Float64Array,
  winners: Uint16Array,
  begin: number,
  end: number,
): void {
  for (let row = begin; row < end; row++) {
    const own = worth[row]!;
    if (own < best[row]! || (own === best[row]! && content > winners[row]!)) continue;
    best[row] = own;
    winners[row] = content;
  }
}
