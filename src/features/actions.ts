import { KNOWN_TYPES } from "../events/event.ts";
import { admit, HABIT_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

/** One sum a known type, one for all others. */
const SUMS = KNOWN_TYPES.length + 1;
const OTHER = SUMS - 1;

/** What the user does: the share of each known type of event. Slots: time, a decayed count a type. */
export const actions: FeatureFamily = {
  name: "actions",
  slots: 1 + SUMS,
  features: [...KNOWN_TYPES, "other"],
  orderIndependent: true,
  fold(slab, at, event) {
    const weight = admit(slab, at, SUMS, event.tsMs, HABIT_MS);
    const slot = at + 1 + (event.typeCode >= 0 ? event.typeCode : OTHER);
    slab[slot] = slab[slot]! + weight;
  },
  read(slab, at, _atMs, out, outAt) {
    let sum = 0;
    for (let i = 0; i < SUMS; i++) sum += slab[at + 1 + i]!;
    const scale = sum > 0 ? 1 / sum : 0;
    for (let i = 0; i < SUMS; i++) out[outAt + i] = slab[at + 1 + i]! * scale;
  },
};
