import { KNOWN_TYPES } from "../events/event.ts";
import { admit, DAY_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

const HALF_LIFE_MS = 14 * DAY_MS;
const RATE = KNOWN_TYPES.indexOf("rate");
const SUMS = 3;
/** Scales of 5, 10 and 100 all fit; beyond that it is no rating. */
const MOST = 1_000;

/** How generously the user rates. Slots: time, weight, sum, squares. */
export const ratings: FeatureFamily = {
  name: "ratings",
  slots: 1 + SUMS,
  features: ["mean", "sd", "known"],
  orderIndependent: true,
  fold(slab, at, event) {
    if (event.typeCode !== RATE || Number.isNaN(event.value)) return;
    const value = Math.min(Math.max(event.value, -MOST), MOST);
    const weight = admit(slab, at, SUMS, event.tsMs, HALF_LIFE_MS);
    slab[at + 1] = slab[at + 1]! + weight;
    slab[at + 2] = slab[at + 2]! + weight * value;
    slab[at + 3] = slab[at + 3]! + weight * value * value;
  },
  read(slab, at, _atMs, out, outAt) {
    const weight = slab[at + 1]!;
    const known = weight > 1e-12;
    const mean = known ? slab[at + 2]! / weight : 0;
    const variance = known ? slab[at + 3]! / weight - mean * mean : 0;
    out[outAt] = Math.asinh(mean);
    out[outAt + 1] = variance > 1e-9 ? Math.log1p(Math.sqrt(variance)) : 0;
    out[outAt + 2] = known ? 1 : 0;
  },
};
