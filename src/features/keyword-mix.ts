import { admit, HABIT_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";
import { addSigned, readUnit } from "./signed-hashing.ts";

/** METHODS 5.5. */
const BUCKETS = 64;

/** What the user searches and writes about: signed hashing of keywords, decayed. Slots: time, 64 sums. */
export const keywordMix: FeatureFamily = {
  name: "keywords",
  slots: 1 + BUCKETS,
  features: Array.from({ length: BUCKETS }, (_, i) => `bucket_${i}`),
  orderIndependent: true,
  fold(slab, at, event) {
    const { keywordHashes } = event;
    if (keywordHashes.length === 0) return;
    const weight = admit(slab, at, BUCKETS, event.tsMs, HABIT_MS);
    for (let i = 0; i < keywordHashes.length; i++) {
      addSigned(slab, at + 1, BUCKETS, keywordHashes[i]!, weight);
    }
  },
  read(slab, at, _atMs, out, outAt) {
    readUnit(slab, at + 1, BUCKETS, out, outAt);
  },
};
