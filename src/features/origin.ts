import { rehash32 } from "../kernel/hash.ts";
import { admit, DAY_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";
import { addSigned, readUnit } from "./signed-hashing.ts";

const HALF_LIFE_MS = 14 * DAY_MS;
const BUCKETS = 16;
const FIELDS: readonly ("referrerHash" | "deviceHash" | "campaignHash" | "countryHash")[] = [
  "referrerHash",
  "deviceHash",
  "campaignHash",
  "countryHash",
];

/** Where the user comes from and on what: signed hashing of referrer, device, campaign and country. */
export const origin: FeatureFamily = {
  name: "origin",
  slots: 1 + BUCKETS,
  features: Array.from({ length: BUCKETS }, (_, i) => `bucket_${i}`),
  orderIndependent: true,
  fold(slab, at, event) {
    if ((event.referrerHash | event.deviceHash | event.campaignHash | event.countryHash) === 0) return;
    const weight = admit(slab, at, BUCKETS, event.tsMs, HALF_LIFE_MS);
    for (const [field, name] of FIELDS.entries()) {
      const hash = event[name];
      if (hash !== 0) addSigned(slab, at + 1, BUCKETS, rehash32(hash, field), weight);
    }
  },
  read(slab, at, _atMs, out, outAt) {
    readUnit(slab, at + 1, BUCKETS, out, outAt);
  },
};
