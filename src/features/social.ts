import { KNOWN_TYPES } from "../events/event.ts";
import { admit, DAY_MS, leftAt, ratePerSecond } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

/** Being talkative is a thing of days, not of minutes or months. */
const HALF_LIFE_MS = DAY_MS;
const TYPES = ["share", "like", "follow", "message"] as const;
/** Sum of each type code, or -1. */
const SUM_OF_CODE = KNOWN_TYPES.map((type) => (TYPES as readonly string[]).indexOf(type));
const SECONDS_A_DAY = 86_400;

/** How often the user shares, likes, follows and writes. Slots: time, a decayed count each. */
export const social: FeatureFamily = {
  name: "social",
  slots: 1 + TYPES.length,
  features: TYPES.map((type) => `${type}_per_day`),
  orderIndependent: true,
  fold(slab, at, event) {
    const sum = event.typeCode < 0 ? -1 : SUM_OF_CODE[event.typeCode]!;
    if (sum < 0) return;
    const weight = admit(slab, at, TYPES.length, event.tsMs, HALF_LIFE_MS);
    slab[at + 1 + sum] = slab[at + 1 + sum]! + weight;
  },
  read(slab, at, atMs, out, outAt) {
    const left = leftAt(slab, at, atMs, HALF_LIFE_MS);
    for (let i = 0; i < TYPES.length; i++) {
      out[outAt + i] = Math.log1p(ratePerSecond(slab[at + 1 + i]! * left, HALF_LIFE_MS) * SECONDS_A_DAY);
    }
  },
};
