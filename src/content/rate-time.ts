/**
 * Time as the sums of rates count it. Weights halve every half-life. Within a period of one half-life they are taken
 * relative to its beginning, as whole numbers of a grid: such sums add up to the last bit in any order, can be taken back
 * exactly, and only whole periods are weighed against each other when a sum is read.
 *
 * @see Cormode et al., "Forward Decay", ICDE 2009 (the exponential case, with a landmark a period).
 */
export type RateTime = Readonly<{ halfLifeMinutes: number }>;

export const MINUTE_MS = 60_000;
/** Rates forget within weeks: 28 days (METHODS 3.1). */
export const RATE_TIME: RateTime = { halfLifeMinutes: 28 * 1_440 };

/** Steps of the grid in one. Sums are exact up to 2^53 steps: 268 million impressions a period of one cell. */
const STEPS = 2 ** 24;

export function minuteOf(atMs: number): number {
  return Math.floor(atMs / MINUTE_MS);
}

export function periodOf(minute: number, { halfLifeMinutes }: RateTime): number {
  return Math.floor(minute / halfLifeMinutes);
}

/** Steps that a weight of 1 at this minute is worth in its period's sums; 2^24 to 2^25. */
export function stepsAt(minute: number, time: RateTime): number {
  return STEPS * 2 ** (minute / time.halfLifeMinutes - periodOf(minute, time));
}

/** What a step of a period's sum is worth at `atMs`. */
export function stepWorth(period: number, atMs: number, { halfLifeMinutes }: RateTime): number {
  return 2 ** (period - atMs / MINUTE_MS / halfLifeMinutes) / STEPS;
}

/** The last minute all of whose impressions have had the time of `timeoutMs` for a click. */
export function lastMatureMinute(nowMs: number, timeoutMs: number): number {
  return Math.floor((nowMs - timeoutMs) / MINUTE_MS) - 1;
}
