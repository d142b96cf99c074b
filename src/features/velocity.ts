import { BANK_COUNTS, BANK_HALF_LIVES_MS, BANK_SLOTS, countInBank, readBankRates } from "./counter-bank.ts";
import type { FeatureFamily } from "./feature-family.ts";

/** Rates below one event a day are all "almost never". */
const FLOOR_PER_SECOND = 1 / 86_400;
const SECONDS_AN_HOUR = 3_600;
const rates = new Float64Array(BANK_COUNTS);

/** Whether the user speeds up: log ratios of a faster to a slower rate, and the acceleration. Slots: a bank. */
export const velocity: FeatureFamily = {
  name: "velocity",
  slots: BANK_SLOTS,
  features: ["log_1m_10m", "log_10m_2h", "log_2h_1d", "log_1d_14d", "acceleration"],
  orderIndependent: true,
  fold(slab, at, event) {
    countInBank(slab, at, event.tsMs);
  },
  read(slab, at, atMs, out, outAt) {
    readBankRates(slab, at, atMs, rates);
    for (let i = 0; i + 1 < BANK_COUNTS; i++) {
      out[outAt + i] = logRatio(rates[i]!, rates[i + 1]!, FLOOR_PER_SECOND);
    }
    // A bound only for floods that no person makes: asinh grows like a logarithm.
    out[outAt + 4] = Math.asinh(accelerationOf(rates[0]!, rates[1]!) * SECONDS_AN_HOUR);
  },
};

/** log((fast + floor) / (slow + floor)) of two rates; the floor keeps rates of nothing apart from infinity. */
export function logRatio(fast: number, slow: number, floor: number): number {
  return Math.log((fast + floor) / (slow + floor));
}

/**
 * Change of the rate, from its values in the two fastest memories.
 *
 * @returns (fast - slow) / (tau slow - tau fast), tau = half-life / ln 2; in events a second per second.
 * @see METHODS 5.2.
 */
export function accelerationOf(fast: number, slow: number): number {
  return (fast - slow) / ((BANK_HALF_LIVES_MS[1]! - BANK_HALF_LIVES_MS[0]!) / 1_000 / Math.LN2);
}
