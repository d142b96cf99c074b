import { admit, DAY_MS, leftAt, MINUTE_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

const HALF_LIFE_MS = 14 * DAY_MS;
const WEEK_MS = 7 * DAY_MS;
const SUMS = 5;
/** Mondays come four days after the epoch's Thursday. */
const MONDAY_MS = 4 * DAY_MS;

/**
 * At which hours and on which days of the user's own week they come: weighted sums of the angle's cosine and sine.
 * Slots: time, weight, day cosine and sine, week cosine and sine.
 *
 * @see METHODS 5.3: peak = atan2(S, C), concentration R = |(C, S)| / weight.
 */
export const rhythm: FeatureFamily = {
  name: "rhythm",
  slots: 1 + SUMS,
  features: ["day_cos", "day_sin", "day_strength", "week_cos", "week_sin", "week_strength"],
  orderIndependent: true,
  fold(slab, at, event) {
    const weight = admit(slab, at, SUMS, event.tsMs, HALF_LIFE_MS);
    const localMs = event.tsMs + event.utcOffsetMinutes * MINUTE_MS;
    const day = (2 * Math.PI * (localMs % DAY_MS)) / DAY_MS;
    const week = (2 * Math.PI * ((localMs - MONDAY_MS) % WEEK_MS)) / WEEK_MS;
    slab[at + 1] = slab[at + 1]! + weight;
    slab[at + 2] = slab[at + 2]! + weight * Math.cos(day);
    slab[at + 3] = slab[at + 3]! + weight * Math.sin(day);
    slab[at + 4] = slab[at + 4]! + weight * Math.cos(week);
    slab[at + 5] = slab[at + 5]! + weight * Math.sin(week);
  },
  read(slab, at, atMs, out, outAt) {
    // The factor to `atMs` cancels in the shares; only a weight that has decayed to nothing must not divide.
    const weight = slab[at + 1]! * leftAt(slab, at, atMs, HALF_LIFE_MS);
    const scale = weight > 1e-12 ? 1 / slab[at + 1]! : 0;
    for (let i = 0; i < 2; i++) {
      const cosine = slab[at + 2 + 2 * i]! * scale;
      const sine = slab[at + 3 + 2 * i]! * scale;
      out[outAt + 3 * i] = cosine;
      out[outAt + 3 * i + 1] = sine;
      out[outAt + 3 * i + 2] = Math.hypot(cosine, sine);
    }
  },
};
