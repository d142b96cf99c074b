import { KNOWN_TYPES } from "../events/event.ts";
import { admit, DAY_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

const HALF_LIFE_MS = 14 * DAY_MS;
/** One sum a known type, one for all others. */
const SUMS = KNOWN_TYPES.length + 1;

/** What the user does: the share of each known type of event. Slots: time, a decayed count a type. */
export const actions: FeatureFamily = {
  name: "actions",
  slots: 1 + SUMS,
  features: [...KNOWN_TYPES, "other"],
  orderIndependent: true,
  fold(slab, at, event) {
    const weight = admit(slab, at, SUMS, event.tsMs, HALF_LIFE_MS);
    const slot = at + 1 + (event.typeCode >= 0 ? event.typeCode : SUMS - 1);
    slab[slot] = slab[slot]! + weight;
  },
  read(slab, at, _atMs, out, outAt) {
    let sum = 0;
    for (let i = 1; i <= SUMS; i++) sum += slab[at + i]!;
    for (let i = 0; i < SUMS; i++) out[outAt + i] = sum > 0 ? slab[at + 1 + i]! / sum : 0;
  },
};
