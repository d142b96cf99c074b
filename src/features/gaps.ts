import { addToMoments, deviationOf, MOMENT_SLOTS } from "./decayed-moments.ts";
import type { FeatureFamily } from "./feature-family.ts";

/** A gap counts one half after this many newer ones: by number, since by time one long pause would end the memory. */
const HALF_LIFE_GAPS = 32;
const FORGET = 2 ** (-1 / HALF_LIFE_GAPS);
const LOGS = 2;
const PLAIN = LOGS + MOMENT_SLOTS;

/**
 * How regular the user is: the newest gap between two events; mean and deviation of gaps, on a log scale and plain.
 * A gap depends on the order, so an event older than the newest one is passed over: to it the past is settled.
 * Slots: time of the newest event, its gap, moments of log gaps, moments of gaps in seconds.
 */
export const gaps: FeatureFamily = {
  name: "gaps",
  slots: PLAIN + MOMENT_SLOTS,
  features: ["newest", "log_mean", "log_sd", "variation", "burstiness", "known"],
  orderIndependent: false,
  fold(slab, at, event) {
    const heldMs = slab[at]!;
    if (event.tsMs < heldMs) return;
    slab[at] = event.tsMs;
    if (heldMs === 0) return; // The first event ends no gap. No event is as old as the epoch.
    const seconds = (event.tsMs - heldMs) / 1_000;
    slab[at + 1] = Math.log1p(seconds);
    addGap(slab, at + LOGS, slab[at + 1]!);
    addGap(slab, at + PLAIN, seconds);
  },
  read(slab, at, _atMs, out, outAt) {
    const mean = slab[at + PLAIN + 2]!;
    const deviation = deviationOf(slab, at + PLAIN);
    out[outAt] = slab[at + 1]!;
    out[outAt + 1] = slab[at + LOGS + 2]!;
    out[outAt + 2] = deviationOf(slab, at + LOGS);
    out[outAt + 3] = mean > 0 ? Math.log1p(deviation / mean) : 0;
    out[outAt + 4] = burstiness(mean, deviation);
    out[outAt + 5] = slab[at + LOGS]! > 0 ? 1 : 0;
  },
};

/**
 * -1 for a clockwork, 0 for chance (Poisson), towards 1 for bursts.
 *
 * @see Goh and Barabasi, "Burstiness and memory in complex systems", 2008: (sd - mean) / (sd + mean).
 */
export function burstiness(mean: number, deviation: number): number {
  return deviation + mean > 0 ? (deviation - mean) / (deviation + mean) : 0;
}

function addGap(slab: Float64Array, at: number, gap: number): void {
  slab[at] = slab[at]! * FORGET;
  slab[at + 1] = slab[at + 1]! * FORGET;
  addToMoments(slab, at, gap, 1);
}
