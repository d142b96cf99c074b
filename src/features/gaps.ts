import type { FeatureFamily } from "./feature-family.ts";

/** A gap counts one half after this many newer ones: habits of weeks, not of the last minute. */
const HALF_LIFE_GAPS = 32;
const FORGET = 2 ** (-1 / HALF_LIFE_GAPS);

/**
 * How regular the user is: mean and variance of the time between events, on a log scale and plain. It depends on
 * the order, so an event older than the newest one is passed over.
 * Slots: newest time, weight, mean and squares of log gaps, mean and squares of gaps.
 *
 * @see METHODS 5.4; burstiness (sd - mean) / (sd + mean): Goh and Barabasi, 2008.
 */
export const gaps: FeatureFamily = {
  name: "gaps",
  slots: 6,
  features: ["log_mean", "log_sd", "variation", "burstiness", "known"],
  orderIndependent: false,
  fold(slab, at, event) {
    const heldMs = slab[at]!;
    if (event.tsMs < heldMs) return;
    slab[at] = event.tsMs;
    if (heldMs === 0) return;
    const seconds = (event.tsMs - heldMs) / 1_000;
    const weight = slab[at + 1]! * FORGET + 1;
    slab[at + 1] = weight;
    addToMoments(slab, at + 2, Math.log1p(seconds), weight);
    addToMoments(slab, at + 4, seconds, weight);
  },
  read(slab, at, _atMs, out, outAt) {
    const weight = slab[at + 1]!;
    const known = weight > 0;
    const mean = slab[at + 4]!;
    const deviation = known ? Math.sqrt(slab[at + 5]! / weight) : 0;
    out[outAt] = slab[at + 2]!;
    out[outAt + 1] = known ? Math.sqrt(slab[at + 3]! / weight) : 0;
    out[outAt + 2] = mean > 0 ? Math.log1p(deviation / mean) : 0;
    out[outAt + 3] = deviation + mean > 0 ? (deviation - mean) / (deviation + mean) : 0;
    out[outAt + 4] = known ? 1 : 0;
  },
};

/** West's update of a mean and its sum of squares, with what was held forgotten by one step. */
function addToMoments(slab: Float64Array, at: number, value: number, weight: number): void {
  const delta = value - slab[at]!;
  const mean = slab[at]! + delta / weight;
  slab[at] = mean;
  slab[at + 1] = slab[at + 1]! * FORGET + delta * (value - mean);
}
