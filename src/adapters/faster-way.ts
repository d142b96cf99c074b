/** Two ways to store a group of messages: each for itself, or all or none. */
export type Way = "single" | "atomic";

/** Weight of the newest measurement. */
const NEWEST = 0.25;
/** A group that took longer than known by more than this factor, as while a machine stood still, counts as such. */
const OUTLIER = 4;
const LEAST_MS = 0.0001;
/** One group in so many goes the other way, to see. */
const TRY_EVERY = 64;
/** By less than this factor the atomic way is not worth it: it costs a server more work. */
const WORTH = 2;

/**
 * Finds out which way is faster, by the time that groups take. It depends on what a client can't ask for: a server that
 * puts each write on disk before it acknowledges (`sync_interval: always`) syncs once for a whole atomic batch, and
 * stores 100,000 messages a second in batches of 1,000 against 8,000 single ones; one that syncs now and then takes
 * single ones with less work.
 */
export class FasterWay {
  readonly #msEach: { single?: number; atomic?: number } = {};
  #groups = 0;

  /** The way for the next group. */
  next(): Way {
    const { single, atomic } = this.#msEach;
    if (single === undefined) return "single";
    if (atomic === undefined) return "atomic";
    const best = atomic * WORTH < single ? "atomic" : "single";
    const other = best === "atomic" ? "single" : "atomic";
    return ++this.#groups % TRY_EVERY === 0 ? other : best;
  }

  /** Takes note of how long a group took. */
  took(way: Way, messages: number, ms: number): void {
    const each = Math.max(ms / messages, LEAST_MS);
    const known = this.#msEach[way] ?? each;
    this.#msEach[way] = known + NEWEST * (Math.min(each, OUTLIER * known) - known);
  }
}
