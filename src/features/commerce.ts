import { KNOWN_TYPES } from "../events/event.ts";
import { admit, DAY_MS, HABIT_MS, leftAt } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

const VIEW = KNOWN_TYPES.indexOf("view");
const ADD_TO_CART = KNOWN_TYPES.indexOf("add_to_cart");
const PURCHASE = KNOWN_TYPES.indexOf("purchase");
/** An amount beyond this is a mistake; it must not swamp the sums. */
const AMOUNT_MAX = 1e9;

/** Where each decayed sum lies behind the time. */
const SLOT = { views: 1, baskets: 2, purchases: 3, priced: 4, spent: 5, largest: 6, lastMs: 7 } as const;
const SUMS = SLOT.largest;

/**
 * What the user buys. Slots: time; decayed views, basket adds, purchases, purchases with an amount, money and the
 * largest amount; time of the newest purchase. A largest amount that decays, max of v 2^(-age / h), is as exact for
 * late events as a sum. Only a purchase's value is money, and amounts are taken as they come: a deployment with
 * several currencies converts before it sends.
 */
export const commerce: FeatureFamily = {
  name: "commerce",
  slots: 1 + SUMS + 1,
  features: [
    "spent",
    "mean_amount",
    "largest_amount",
    "purchases",
    "baskets",
    "conversion",
    "basket_conversion",
    "days_since",
    "bought",
  ],
  orderIndependent: true,
  fold(slab, at, event) {
    const { typeCode } = event;
    if (typeCode !== VIEW && typeCode !== PURCHASE && typeCode !== ADD_TO_CART) return;
    const weight = admit(slab, at, SUMS, event.tsMs, HABIT_MS);
    if (typeCode === VIEW) add(slab, at + SLOT.views, weight);
    else if (typeCode === ADD_TO_CART) add(slab, at + SLOT.baskets, weight);
    else foldPurchase(slab, at, event.tsMs, event.value, weight);
  },
  read(slab, at, atMs, out, outAt) {
    const left = leftAt(slab, at, atMs, HABIT_MS);
    const views = slab[at + SLOT.views]!;
    const baskets = slab[at + SLOT.baskets]!;
    const purchases = slab[at + SLOT.purchases]!;
    const priced = slab[at + SLOT.priced]!;
    const spent = slab[at + SLOT.spent]!;
    const lastMs = slab[at + SLOT.lastMs]!;
    out[outAt] = Math.log1p(spent * left);
    out[outAt + 1] = priced > 0 ? Math.log1p(spent / priced) : 0;
    out[outAt + 2] = Math.log1p(slab[at + SLOT.largest]! * left);
    out[outAt + 3] = Math.log1p(purchases * left);
    out[outAt + 4] = Math.log1p(baskets * left);
    out[outAt + 5] = purchases > 0 ? purchases / (purchases + baskets + views) : 0;
    out[outAt + 6] = purchases > 0 ? purchases / (purchases + baskets) : 0;
    out[outAt + 7] = lastMs > 0 ? Math.log1p(Math.max(0, atMs - lastMs) / DAY_MS) : 0;
    out[outAt + 8] = lastMs > 0 ? 1 : 0;
  },
};

function foldPurchase(slab: Float64Array, at: number, tsMs: number, value: number, weight: number): void {
  add(slab, at + SLOT.purchases, weight);
  slab[at + SLOT.lastMs] = Math.max(slab[at + SLOT.lastMs]!, tsMs);
  if (Number.isNaN(value)) return;
  const amount = Math.min(AMOUNT_MAX, Math.max(0, value)); // A refund is not spending; it is no purchase either.
  add(slab, at + SLOT.priced, weight);
  add(slab, at + SLOT.spent, weight * amount);
  slab[at + SLOT.largest] = Math.max(slab[at + SLOT.largest]!, weight * amount);
}

function add(slab: Float64Array, slot: number, amount: number): void {
  slab[slot] = slab[slot]! + amount;
}
