import { admit, HABIT_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";
import { addToHyperLogLog, estimateDistinct, HLL_SLOTS } from "./hyperloglog.ts";

/** METHODS 5.7: up to this many distinct partners everything is exact. */
const SIZE = 32;
const OUT = 1;
const IN = OUT + SIZE;
const HASHES = IN + SIZE;
const REPLACED = HASHES + SIZE;
const EVER = REPLACED + 1;

/**
 * With whom the user interacts: how mutual it is, how concentrated, how many there are.
 *
 * Slots: time; what went out to each of 32 partners, what came in, their hashes; how often a partner gave way to
 * another (Space-Saving, by the sum of both directions); a HyperLogLog of all partners ever. The order of arrival
 * does not matter while there are no more than 32.
 */
export const partners: FeatureFamily = {
  name: "partners",
  slots: EVER + HLL_SLOTS,
  features: ["reciprocity", "heaviest_share", "outbound_share", "distinct", "known"],
  orderIndependent: true,
  fold(slab, at, event) {
    if (event.peerHash === 0) return;
    const weight = admit(slab, at, 2 * SIZE, event.tsMs, HABIT_MS);
    const slot = at + (event.inbound ? IN : OUT) + placeOf(slab, at, event.peerHash);
    slab[slot] = slab[slot]! + weight;
    addToHyperLogLog(slab, at + EVER, event.peerHash);
  },
  read(slab, at, _atMs, out, outAt) {
    let least = 0;
    let most = 0;
    let outbound = 0;
    let heaviest = 0;
    let held = 0;
    for (; held < SIZE && slab[at + HASHES + held]! !== 0; held++) {
      const sent = slab[at + OUT + held]!;
      const received = slab[at + IN + held]!;
      least += Math.min(sent, received);
      most += Math.max(sent, received);
      outbound += sent;
      heaviest = Math.max(heaviest, sent + received);
    }
    const total = least + most;
    const distinct =
      slab[at + REPLACED]! === 0 ? held : Math.max(SIZE + 1, estimateDistinct(slab, at + EVER));
    out[outAt] = most > 0 ? least / most : 0;
    out[outAt + 1] = total > 0 ? heaviest / total : 0;
    out[outAt + 2] = total > 0 ? outbound / total : 0;
    out[outAt + 3] = Math.log1p(distinct);
    out[outAt + 4] = held > 0 ? 1 : 0;
  },
};

/** The partner's place in the table; the lightest partner gives way, with its weights, when all are taken. */
function placeOf(slab: Float64Array, at: number, hash: number): number {
  for (let i = 0; i < SIZE; i++) {
    const held = slab[at + HASHES + i]!;
    if (held === hash) return i;
    if (held !== 0) continue;
    slab[at + HASHES + i] = hash;
    return i;
  }
  let lightest = 0;
  for (let i = 1; i < SIZE; i++) {
    const weight = slab[at + OUT + i]! + slab[at + IN + i]!;
    if (weight < slab[at + OUT + lightest]! + slab[at + IN + lightest]!) lightest = i;
  }
  slab[at + HASHES + lightest] = hash;
  slab[at + REPLACED] = slab[at + REPLACED]! + 1;
  return lightest;
}
