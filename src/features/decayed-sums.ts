/**
 * Decayed sums share one time: `slab[at]` holds it in epoch ms, the sums follow. A sum is exact for any order of
 * arrival: a newer event shrinks what is held, a late one is shrunk itself. Zeros are a sum of nothing at the
 * epoch, so a new user needs no special case.
 *
 * @see Cormode et al., "Forward Decay", ICDE 2009; METHODS 5.1.
 */

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** The half-life of habits: what a user likes and where they live changes over weeks. */
export const HABIT_MS = 14 * DAY_MS;

/** What is left of a weight after `ageMs` >= 0, for a half-life > 0; in [0, 1]. */
export function remains(ageMs: number, halfLifeMs: number): number {
  return Math.exp((-Math.LN2 * ageMs) / halfLifeMs);
}

/**
 * Moves `sums` decayed sums, which follow the time at `slab[at]`, on to an event's time.
 *
 * @returns The weight at which this event is to be added: 1, or less if it is late.
 */
export function admit(
  slab: Float64Array,
  at: number,
  sums: number,
  tsMs: number,
  halfLifeMs: number,
): number {
  const newerMs = tsMs - slab[at]!;
  if (newerMs < 0) return remains(-newerMs, halfLifeMs);
  if (newerMs > 0) {
    const left = remains(newerMs, halfLifeMs);
    for (let slot = at + 1; slot <= at + sums; slot++) slab[slot] = slab[slot]! * left;
    slab[at] = tsMs;
  }
  return 1;
}

/** The factor that brings sums held at the time `slab[at]` to `atMs`; 1 if that is not later. */
export function leftAt(slab: Float64Array, at: number, atMs: number, halfLifeMs: number): number {
  const ageMs = atMs - slab[at]!;
  return ageMs > 0 ? remains(ageMs, halfLifeMs) : 1;
}

/**
 * Adds the `sums` that follow the time at `other[otherAt]` to those that follow `slab[at]`: the state of all events
 * of both. `other` is left as it was.
 */
export function mergeDecayedSums(
  slab: Float64Array,
  at: number,
  other: Float64Array,
  otherAt: number,
  sums: number,
  halfLifeMs: number,
): void {
  const weight = admit(slab, at, sums, other[otherAt]!, halfLifeMs);
  for (let i = 1; i <= sums; i++) slab[at + i] = slab[at + i]! + weight * other[otherAt + i]!;
}

/** Events a second that a decayed count stands for, once it has run for a few half-lives. */
export function ratePerSecond(sum: number, halfLifeMs: number): number {
  return (sum * Math.LN2 * 1_000) / halfLifeMs;
}
