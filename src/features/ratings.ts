import { KNOWN_TYPES } from "../events/event.ts";
import { addToMoments, DECAYING_MOMENTS, deviationOf, MOMENT_SLOTS } from "./decayed-moments.ts";
import { admit, HABIT_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

const RATE = KNOWN_TYPES.indexOf("rate");
/** Scales of 5, 10 and 100 all fit; what lies beyond is no rating and must not swamp the others. */
const MOST = 1_000;

/** How generously the user rates: mean and deviation of the value of `rate` events. Slots: time, moments. */
export const ratings: FeatureFamily = {
  name: "ratings",
  slots: 1 + MOMENT_SLOTS,
  features: ["mean", "sd", "known"],
  orderIndependent: true,
  fold(slab, at, event) {
    if (event.typeCode !== RATE || Number.isNaN(event.value)) return;
    const weight = admit(slab, at, DECAYING_MOMENTS, event.tsMs, HABIT_MS);
    addToMoments(slab, at + 1, Math.min(MOST, Math.max(-MOST, event.value)), weight);
  },
  read(slab, at, _atMs, out, outAt) {
    out[outAt] = Math.asinh(slab[at + 3]!);
    out[outAt + 1] = Math.log1p(deviationOf(slab, at + 1));
    out[outAt + 2] = slab[at + 1]! > 0 ? 1 : 0;
  },
};
