import { admit, HABIT_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";
import { addSigned, readUnit } from "./signed-hashing.ts";

const BUCKETS = 16;

/**
 * Where the user comes from and on what: signed hashing of referrer, device, campaign and country, decayed.
 * Slots: time, 16 sums.
 */
export const origin: FeatureFamily = {
  name: "origin",
  slots: 1 + BUCKETS,
  features: Array.from({ length: BUCKETS }, (_, i) => `bucket_${i}`),
  orderIndependent: true,
  fold(slab, at, event) {
    const { referrerHash, deviceHash, campaignHash, countryHash } = event;
    if ((referrerHash | deviceHash | campaignHash | countryHash) === 0) return;
    const weight = admit(slab, at, BUCKETS, event.tsMs, HABIT_MS);
    if (referrerHash !== 0) addSigned(slab, at + 1, BUCKETS, referrerHash, weight);
    if (deviceHash !== 0) addSigned(slab, at + 1, BUCKETS, deviceHash, weight);
    if (campaignHash !== 0) addSigned(slab, at + 1, BUCKETS, campaignHash, weight);
    if (countryHash !== 0) addSigned(slab, at + 1, BUCKETS, countryHash, weight);
  },
  read(slab, at, _atMs, out, outAt) {
    readUnit(slab, at + 1, BUCKETS, out, outAt);
  },
};
