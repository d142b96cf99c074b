import { admit, HABIT_MS, leftAt } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

/** Device, country, referrer, cell. */
const FIELDS = 4;
const NEWEST = 1 + FIELDS;

/**
 * How often the user turns up on another device, in another country, from another referrer, in another cell than
 * the time before. That depends on the order, so an event older than the newest one is passed over.
 * Slots: time of the newest event that has one of the four, decayed changes of each, newest hash of each.
 */
export const changes: FeatureFamily = {
  name: "changes",
  slots: NEWEST + FIELDS,
  features: ["device", "country", "referrer", "cell"],
  orderIndependent: false,
  fold(slab, at, event) {
    const { deviceHash, countryHash, referrerHash, cellHash } = event;
    if ((deviceHash | countryHash | referrerHash | cellHash) === 0 || event.tsMs < slab[at]!) return;
    admit(slab, at, FIELDS, event.tsMs, HABIT_MS);
    note(slab, at, 0, deviceHash);
    note(slab, at, 1, countryHash);
    note(slab, at, 2, referrerHash);
    note(slab, at, 3, cellHash);
  },
  read(slab, at, atMs, out, outAt) {
    const left = leftAt(slab, at, atMs, HABIT_MS);
    for (let i = 0; i < FIELDS; i++) out[outAt + i] = Math.log1p(slab[at + 1 + i]! * left);
  },
};

function note(slab: Float64Array, at: number, field: number, hash: number): void {
  if (hash === 0) return; // An event that does not say leaves the newest value as it is.
  const held = slab[at + NEWEST + field]!;
  if (held !== 0 && held !== hash) slab[at + 1 + field] = slab[at + 1 + field]! + 1;
  slab[at + NEWEST + field] = hash;
}
