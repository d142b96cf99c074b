import { addPhase, readDirection } from "./circular-mean.ts";
import { admit, DAY_MS, HABIT_MS, MINUTE_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

const WEEK_MS = 7 * DAY_MS;
/** The epoch was a Thursday; the first Monday came four days later. */
const MONDAY_MS = 4 * DAY_MS;
/** Weight, cosine and sine of the day, of the week. */
const SUMS = 5;

/**
 * At which hours and on which days of their own week the user comes. Slots: time, weight, mean direction on the
 * circle of the day and of the week.
 */
export const rhythm: FeatureFamily = {
  name: "rhythm",
  slots: 1 + SUMS,
  features: ["day_cos", "day_sin", "day_strength", "week_cos", "week_sin", "week_strength"],
  orderIndependent: true,
  fold(slab, at, event) {
    const weight = admit(slab, at, SUMS, event.tsMs, HABIT_MS);
    const localMs = event.tsMs + event.utcOffsetMinutes * MINUTE_MS;
    slab[at + 1] = slab[at + 1]! + weight;
    addPhase(slab, at + 2, (localMs % DAY_MS) / DAY_MS, weight);
    addPhase(slab, at + 4, ((localMs - MONDAY_MS) % WEEK_MS) / WEEK_MS, weight);
  },
  read(slab, at, _atMs, out, outAt) {
    // A mean does not depend on when it is read: the decay to `atMs` cancels.
    readDirection(slab, at + 2, slab[at + 1]!, out, outAt);
    readDirection(slab, at + 4, slab[at + 1]!, out, outAt + 3);
  },
};
