import { admit, HABIT_MS } from "./decayed-sums.ts";
import { evenness } from "./entropy.ts";
import type { FeatureFamily } from "./feature-family.ts";
import { addHeavyHitter, type HeavyHittersSummary, summariseHeavyHitters } from "./heavy-hitters.ts";

/** Coarse cells held a user: home, work, and where they travel. */
const SIZE = 8;
const summary: HeavyHittersSummary = { keys: 0, heaviestShare: 0, secondShare: 0 };

/**
 * How much the user stays in one coarse cell. Slots: time, 8 weights, 8 hashes of cells. The order of arrival does
 * not matter while there are no more than 8 cells.
 */
export const place: FeatureFamily = {
  name: "place",
  slots: 1 + 2 * SIZE,
  features: ["home_share", "evenness", "distinct", "known"],
  orderIndependent: true,
  fold(slab, at, event) {
    if (event.cellHash === 0) return;
    const weight = admit(slab, at, SIZE, event.tsMs, HABIT_MS);
    addHeavyHitter(slab, at + 1, SIZE, event.cellHash, weight);
  },
  read(slab, at, _atMs, out, outAt) {
    summariseHeavyHitters(slab, at + 1, SIZE, summary);
    out[outAt] = summary.heaviestShare;
    out[outAt + 1] = evenness(slab, at + 1, summary.keys, SIZE);
    out[outAt + 2] = Math.log1p(summary.keys);
    out[outAt + 3] = summary.keys > 0 ? 1 : 0;
  },
};
