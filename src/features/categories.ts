import { admit, HABIT_MS } from "./decayed-sums.ts";
import { evenness } from "./entropy.ts";
import type { FeatureFamily } from "./feature-family.ts";
import { addHeavyHitter, type HeavyHittersSummary, summariseHeavyHitters } from "./heavy-hitters.ts";

/** Categories held a user; lighter ones give way (METHODS 5.5). */
const SIZE = 32;
const summary: HeavyHittersSummary = { keys: 0, heaviestShare: 0, secondShare: 0 };

/**
 * How wide the user's interests are: shares of their heaviest categories, evenness, number. Which categories these
 * are reaches the embedding through the encoder's own columns. Slots: time, 32 weights, 32 hashes.
 *
 * The order of arrival does not matter while the user has shown no more than 32 categories.
 */
export const categories: FeatureFamily = {
  name: "categories",
  slots: 1 + 2 * SIZE,
  features: ["heaviest_share", "second_share", "evenness", "distinct", "known"],
  orderIndependent: true,
  fold(slab, at, event) {
    const { categoryHashes } = event;
    if (categoryHashes.length === 0) return;
    const weight = admit(slab, at, SIZE, event.tsMs, HABIT_MS);
    for (let i = 0; i < categoryHashes.length; i++) {
      addHeavyHitter(slab, at + 1, SIZE, categoryHashes[i]!, weight);
    }
  },
  read(slab, at, _atMs, out, outAt) {
    summariseHeavyHitters(slab, at + 1, SIZE, summary);
    out[outAt] = summary.heaviestShare;
    out[outAt + 1] = summary.secondShare;
    out[outAt + 2] = evenness(slab, at + 1, summary.keys, SIZE);
    out[outAt + 3] = Math.log1p(summary.keys);
    out[outAt + 4] = summary.keys > 0 ? 1 : 0;
  },
};
