/** How much may come: `perSecond` for as long as it lasts, and `burst` at once after a rest. Both > 0, in events or requests. */
export type Rate = Readonly<{ perSecond: number; burst: number }>;

/** Keys that are remembered, the least recently used go first. Each takes about 100 bytes. */
const KEYS_MAX = 100_000;
const SECOND_MS = 1_000;

/**
 * A token bucket for each key. Of a bucket only the time is kept at which it would be full again: one that is full by now
 * is as good as new, and one that nobody knows of is full.
 *
 * What a key takes in any t seconds is at most `burst + perSecond * t`, as long as no more keys than are remembered come
 * in between, and no request is larger than the burst: such a one goes when the bucket is full, and is paid back.
 *
 * @see ITU-T I.371, the generic cell rate algorithm, which is the same bucket.
 */
export class RateLimiter {
  readonly #keysMax: number;
  /** When each bucket is full again, by the caller's clock, ms; the least recently used first. */
  readonly #fullAtMs = new Map<string, number>();

  constructor(keysMax = KEYS_MAX) {
    this.#keysMax = keysMax;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#fullAtMs.size;
  }

  /**
   * How long a key has to wait before it may take so much; 0 if it may now. Nothing is taken.
   *
   * @param nowMs - Of a clock that never goes back.
   * @returns Whole milliseconds.
   */
  waitMs(key: string, rate: Rate, count: number, nowMs: number): number {
    const { perSecond, burst } = rate;
    const begunMs = Math.max(nowMs, this.#fullAtMs.get(key) ?? nowMs);
    const needed = Math.min(count, burst);
    return Math.max(
      0,
      Math.ceil(begunMs - nowMs - ((burst - needed) * SECOND_MS) / perSecond - TOLERANCE_MS),
    );
  }

  /** Takes so much, allowed or not. */
  take(key: string, rate: Rate, count: number, nowMs: number): void {
    const begunMs = Math.max(nowMs, this.#fullAtMs.get(key) ?? nowMs);
    this.#fullAtMs.delete(key); // So that it is the last one.
    this.#fullAtMs.set(key, begunMs + (count * SECOND_MS) / rate.perSecond);
    for (const oldest of this.#fullAtMs.keys()) {
      if (this.#fullAtMs.size <= this.#keysMax) break;
      this.#fullAtMs.delete(oldest);
    }
  }
}

/** Sums of fractions are off by less: whoever waits as long as told is let in. */
const TOLERANCE_MS = 1e-3;
