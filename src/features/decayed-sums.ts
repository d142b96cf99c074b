/**
 * Decayed sums share one time: `slab[at]` holds it in epoch ms, the sums follow. A sum is exact for any order of
 * arrival: a newer event shrinks what is held, a late one is shrunk itself.
 *
 * @see Cormode et al., "Forward Decay", ICDE 2009; METHODS 5.1.
 */

/** Half-lives of the library, in ms. */
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** What is left of a weight after `ageMs`, for a half-life. */
export function remains(ageMs: number, halfLifeMs: number): number {
  return Math.exp((-Math.LN2 * ageMs) / halfLifeMs);
}

/**
 * Moves `sums` decayed sums on to an event's time.
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
  const heldMs = slab[at]!;
  if (tsMs < heldMs) return remains(heldMs - tsMs, halfLifeMs);
  if (heldMs > 0 && tsMs > heldMs) {
    const left = remains(tsMs - heldMs, halfLifeMs);
    for (let i = 1; i <= sums; i++) slab[at + i] = slab[at + i]! * left;
  }
  slab[at] = tsMs;
  return 1;
}

/** The factor that brings sums held at `slab[at]` to `atMs`. */
export function leftAt(slab: Float64Array, at: number, atMs: number, halfLifeMs: number): number {
  const heldMs = slab[at]!;
  return atMs > heldMs ? remains(atMs - heldMs, halfLifeMs) : 1;
}

/** Events a second that a decayed count stands for. */
export function ratePerSecond(sum: number, halfLifeMs: number): number {
  return (sum * Math.LN2 * 1_000) / halfLifeMs;
}
