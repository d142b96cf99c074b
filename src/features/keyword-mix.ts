import { admit, DAY_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";
import { addSigned, readUnit } from "./signed-hashing.ts";

const HALF_LIFE_MS = 14 * DAY_MS;
/** METHODS 5.5. */
const BUCKETS = 64;

/** What the user searches and writes about: signed hashing of keywords, decayed. Slots: time, 64 sums. */
export const keywordMix: FeatureFamily = {
  name: "keywords",
  slots: 1 + BUCKETS,
  features: Array.from({ length: BUCKETS }, (_, i) => `bucket_${i}`),
  orderIndependent: true,
  fold(slab, at, event) {
    if (event.keywordHashes.length === 0) return;
    const weight = admit(slab, at, BUCKETS, event.tsMs, HALF_LIFE_MS);
    for (const hash of event.keywordHashes) addSigned(slab, at + 1, BUCKETS, hash, weight);
  },
  read(slab, at, _atMs, out, outAt) {
    readUnit(slab, at + 1, BUCKETS, out, outAt);
  },
};
