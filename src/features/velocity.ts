import { DAY_MS, HOUR_MS, MINUTE_MS, ratePerSecond, remains } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

const HALF_LIVES_MS = [MINUTE_MS, 10 * MINUTE_MS, 2 * HOUR_MS, DAY_MS];
/** Rates below one event a day are all "almost never". */
const FLOOR_PER_SECOND = 1 / 86_400;

/**
 * Whether the user speeds up: log ratios of a faster to a slower rate, and the acceleration.
 * Slots: time, four counts.
 *
 * @see METHODS 5.2: log((fast + e) / (slow + e)); acceleration (fast - slow) / (tau_slow - tau_fast), tau = h / ln 2.
 */
export const velocity: FeatureFamily = {
  name: "velocity",
  slots: 1 + HALF_LIVES_MS.length,
  features: ["log_1m_10m", "log_10m_2h", "log_2h_1d", "acceleration"],
  orderIndependent: true,
  fold(slab, at, event) {
    const heldMs = slab[at]!;
    const lateMs = heldMs - event.tsMs;
    for (const [i, halfLifeMs] of HALF_LIVES_MS.entries()) {
      const slot = at + 1 + i;
      if (lateMs > 0) slab[slot] = slab[slot]! + remains(lateMs, halfLifeMs);
      else slab[slot] = (heldMs > 0 ? slab[slot]! * remains(-lateMs, halfLifeMs) : 0) + 1;
    }
    if (lateMs <= 0) slab[at] = event.tsMs;
  },
  read(slab, at, atMs, out, outAt) {
    for (let i = 0; i < 3; i++)
      out[outAt + i] = logRatio(rateAt(slab, at, i, atMs), rateAt(slab, at, i + 1, atMs));
    const perHour = accelerationOf(rateAt(slab, at, 0, atMs), rateAt(slab, at, 1, atMs)) * 3_600;
    out[outAt + 3] = Math.asinh(perHour);
  },
};

/** log((fast + e) / (slow + e)) of two rates in events a second. */
export function logRatio(fast: number, slow: number): number {
  return Math.log((fast + FLOOR_PER_SECOND) / (slow + FLOOR_PER_SECOND));
}

/** Change of the rate, in events a second per second, from rates of the two fastest memories. */
export function accelerationOf(
  fast: number,
  slow: number,
  fastMs = MINUTE_MS,
  slowMs = 10 * MINUTE_MS,
): number {
  return (fast - slow) / ((slowMs - fastMs) / 1_000 / Math.LN2);
}

function rateAt(slab: Float64Array, at: number, memory: number, atMs: number): number {
  const halfLifeMs = HALF_LIVES_MS[memory]!;
  const left = slab[at]! > 0 ? remains(Math.max(0, atMs - slab[at]!), halfLifeMs) : 0;
  return ratePerSecond(slab[at + 1 + memory]! * left, halfLifeMs);
}
