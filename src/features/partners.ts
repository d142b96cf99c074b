import { DAY_MS, remains } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";
import { addToHyperLogLog, estimateDistinct, HLL_SLOTS } from "./hyperloglog.ts";

const HALF_LIFE_MS = 14 * DAY_MS;
/** METHODS 5.7: up to this many distinct partners everything is exact. */
const PARTNERS = 32;
/** Hash, what went out, what came in. */
const CELLS = 3;
const TABLE = 1 + PARTNERS * CELLS;

/**
 * With whom the user interacts: how mutual it is, how concentrated, how many there are.
 * Slots: time, 32 partners of (hash, decayed out, decayed in), a HyperLogLog of all partners ever.
 */
export const partners: FeatureFamily = {
  name: "partners",
  slots: TABLE + HLL_SLOTS,
  features: ["reciprocity", "heaviest_share", "distinct", "outbound_share", "known"],
  orderIndependent: true,
  fold(slab, at, event) {
    if (event.peerHash === 0) return;
    const weight = admitPartners(slab, at, event.tsMs);
    const cell = cellOf(slab, at + 1, event.peerHash) + (event.inbound ? 2 : 1);
    slab[cell] = slab[cell]! + weight;
    addToHyperLogLog(slab, at + TABLE, event.peerHash);
  },
  read(slab, at, _atMs, out, outAt) {
    let least = 0;
    let most = 0;
    let outbound = 0;
    let total = 0;
    let heaviest = 0;
    let held = 0;
    for (; held < PARTNERS && slab[at + 1 + held * CELLS]! !== 0; held++) {
      const sent = slab[at + 2 + held * CELLS]!;
      const received = slab[at + 3 + held * CELLS]!;
      least += Math.min(sent, received);
      most += Math.max(sent, received);
      outbound += sent;
      total += sent + received;
      heaviest = Math.max(heaviest, sent + received);
    }
    out[outAt] = most > 1e-12 ? least / most : 0;
    out[outAt + 1] = total > 1e-12 ? heaviest / total : 0;
    out[outAt + 2] = Math.log1p(
      held < PARTNERS ? held : Math.max(PARTNERS, estimateDistinct(slab, at + TABLE)),
    );
    out[outAt + 3] = total > 1e-12 ? outbound / total : 0;
    out[outAt + 4] = held > 0 ? 1 : 0;
  },
};

function admitPartners(slab: Float64Array, at: number, tsMs: number): number {
  const heldMs = slab[at]!;
  if (tsMs < heldMs) return remains(heldMs - tsMs, HALF_LIFE_MS);
  slab[at] = tsMs;
  if (heldMs === 0 || tsMs === heldMs) return 1;
  const left = remains(tsMs - heldMs, HALF_LIFE_MS);
  for (let i = 0; i < PARTNERS; i++) {
    const cell = at + 1 + i * CELLS;
    slab[cell + 1] = slab[cell + 1]! * left;
    slab[cell + 2] = slab[cell + 2]! * left;
  }
  return 1;
}

/** The partner's place; the lightest gives way when all are taken (Space-Saving). */
function cellOf(slab: Float64Array, table: number, hash: number): number {
  let lightest = table;
  let lightestWeight = Number.POSITIVE_INFINITY;
  for (let i = 0; i < PARTNERS; i++) {
    const cell = table + i * CELLS;
    if (slab[cell]! === hash) return cell;
    if (slab[cell]! === 0) {
      slab[cell] = hash;
      return cell;
    }
    const weight = slab[cell + 1]! + slab[cell + 2]!;
    if (weight < lightestWeight) {
      lightest = cell;
      lightestWeight = weight;
    }
  }
  slab[lightest] = hash;
  return lightest;
}
