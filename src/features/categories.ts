import { DAY_MS, remains } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";
import {
  addToHeavyHitters,
  decayHeavyHitters,
  type HeavyHittersSummary,
  summariseHeavyHitters,
} from "./heavy-hitters.ts";

const HALF_LIFE_MS = 14 * DAY_MS;
/** Categories held a user; lighter ones give way (METHODS 5.5). */
const PAIRS = 32;
const summary: HeavyHittersSummary = { keys: 0, total: 0, heaviest: 0, second: 0, entropy: 0 };

/**
 * How wide the user's interests are: shares of their heaviest categories, entropy, number. Which categories these
 * are reaches the embedding through the encoder's own columns. Slots: time, 32 pairs of hash and weight.
 */
export const categories: FeatureFamily = {
  name: "categories",
  slots: 1 + 2 * PAIRS,
  features: ["heaviest_share", "second_share", "entropy", "distinct", "known"],
  orderIndependent: true,
  fold(slab, at, event) {
    if (event.categoryHashes.length === 0) return;
    const heldMs = slab[at]!;
    let weight = 1;
    if (event.tsMs < heldMs) weight = remains(heldMs - event.tsMs, HALF_LIFE_MS);
    else {
      if (heldMs > 0 && event.tsMs > heldMs) {
        decayHeavyHitters(slab, at + 1, PAIRS, remains(event.tsMs - heldMs, HALF_LIFE_MS));
      }
      slab[at] = event.tsMs;
    }
    for (const hash of event.categoryHashes) addToHeavyHitters(slab, at + 1, PAIRS, hash, weight);
  },
  read(slab, at, _atMs, out, outAt) {
    summariseHeavyHitters(slab, at + 1, PAIRS, summary);
    const scale = summary.total > 1e-12 ? 1 / summary.total : 0;
    out[outAt] = summary.heaviest * scale;
    out[outAt + 1] = summary.second * scale;
    out[outAt + 2] = summary.entropy / Math.log(PAIRS);
    out[outAt + 3] = Math.log1p(summary.keys);
    out[outAt + 4] = summary.keys > 0 ? 1 : 0;
  },
};
