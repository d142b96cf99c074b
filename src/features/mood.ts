import { admit, DAY_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

const HALF_LIFE_MS = 14 * DAY_MS;
const SUMS = 3;

/** How the user's texts sound: decayed mean and deviation of their sentiment. Slots: time, weight, sum, squares. */
export const mood: FeatureFamily = {
  name: "mood",
  slots: 1 + SUMS,
  features: ["mean", "sd", "known"],
  orderIndependent: true,
  fold(slab, at, event) {
    if (Number.isNaN(event.sentiment)) return;
    const weight = admit(slab, at, SUMS, event.tsMs, HALF_LIFE_MS);
    slab[at + 1] = slab[at + 1]! + weight;
    slab[at + 2] = slab[at + 2]! + weight * event.sentiment;
    slab[at + 3] = slab[at + 3]! + weight * event.sentiment * event.sentiment;
  },
  read(slab, at, _atMs, out, outAt) {
    const weight = slab[at + 1]!;
    const mean = weight > 1e-12 ? slab[at + 2]! / weight : 0;
    const variance = weight > 1e-12 ? slab[at + 3]! / weight - mean * mean : 0;
    out[outAt] = mean;
    out[outAt + 1] = variance > 1e-15 ? Math.sqrt(variance) : 0;
    out[outAt + 2] = weight > 1e-12 ? 1 : 0;
  },
};
