import { addToMoments, DECAYING_MOMENTS, deviationOf, MOMENT_SLOTS } from "./decayed-moments.ts";
import { admit, HABIT_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

/** How the user's texts sound: decayed mean and deviation of their sentiment. Slots: time, moments. */
export const mood: FeatureFamily = {
  name: "mood",
  slots: 1 + MOMENT_SLOTS,
  features: ["mean", "sd", "known"],
  orderIndependent: true,
  fold(slab, at, event) {
    if (Number.isNaN(event.sentiment)) return;
    const weight = admit(slab, at, DECAYING_MOMENTS, event.tsMs, HABIT_MS);
    addToMoments(slab, at + 1, Math.min(1, Math.max(-1, event.sentiment)), weight);
  },
  read(slab, at, _atMs, out, outAt) {
    out[outAt] = slab[at + 3]!;
    out[outAt + 1] = deviationOf(slab, at + 1);
    out[outAt + 2] = slab[at + 1]! > 0 ? 1 : 0;
  },
};
