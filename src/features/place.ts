import { DAY_MS, remains } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";
import {
  addToHeavyHitters,
  decayHeavyHitters,
  type HeavyHittersSummary,
  summariseHeavyHitters,
} from "./heavy-hitters.ts";

const HALF_LIFE_MS = 14 * DAY_MS;
/** Coarse cells held a user: home, work, and where they travel. */
const PAIRS = 8;
const summary: HeavyHittersSummary = { keys: 0, total: 0, heaviest: 0, second: 0, entropy: 0 };

/** How much the user moves between coarse cells. Slots: time, 8 pairs of cell hash and weight. */
export const place: FeatureFamily = {
  name: "place",
  slots: 1 + 2 * PAIRS,
  features: ["home_share", "entropy", "distinct", "known"],
  orderIndependent: true,
  fold(slab, at, event) {
    if (event.cellHash === 0) return;
    const heldMs = slab[at]!;
    let weight = 1;
    if (event.tsMs < heldMs) weight = remains(heldMs - event.tsMs, HALF_LIFE_MS);
    else {
      if (heldMs > 0) decayHeavyHitters(slab, at + 1, PAIRS, remains(event.tsMs - heldMs, HALF_LIFE_MS));
      slab[at] = event.tsMs;
    }
    addToHeavyHitters(slab, at + 1, PAIRS, event.cellHash, weight);
  },
  read(slab, at, _atMs, out, outAt) {
    summariseHeavyHitters(slab, at + 1, PAIRS, summary);
    out[outAt] = summary.total > 1e-12 ? summary.heaviest / summary.total : 0;
    out[outAt + 1] = summary.entropy / Math.log(PAIRS);
    out[outAt + 2] = Math.log1p(summary.keys);
    out[outAt + 3] = summary.keys > 0 ? 1 : 0;
  },
};
