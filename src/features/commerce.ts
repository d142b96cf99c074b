import { KNOWN_TYPES } from "../events/event.ts";
import { admit, DAY_MS } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

const HALF_LIFE_MS = 14 * DAY_MS;
const PURCHASE = KNOWN_TYPES.indexOf("purchase");
const ADD_TO_CART = KNOWN_TYPES.indexOf("add_to_cart");
const VIEW = KNOWN_TYPES.indexOf("view");
const SUMS = 4;
const LAST_PURCHASE = 1 + SUMS;
const LARGEST = 2 + SUMS;

/**
 * What the user buys. Slots: time; decayed views, basket adds, purchases and money spent; time of the newest
 * purchase; the largest amount. A value of another event than a purchase is not money.
 */
export const commerce: FeatureFamily = {
  name: "commerce",
  slots: 3 + SUMS,
  features: ["spent", "mean_value", "largest", "purchases", "baskets", "conversion", "days_since", "bought"],
  orderIndependent: true,
  fold(slab, at, event) {
    const { typeCode } = event;
    if (typeCode !== PURCHASE && typeCode !== ADD_TO_CART && typeCode !== VIEW) return;
    const weight = admit(slab, at, SUMS, event.tsMs, HALF_LIFE_MS);
    const slot = at + (typeCode === VIEW ? 1 : typeCode === ADD_TO_CART ? 2 : 3);
    slab[slot] = slab[slot]! + weight;
    if (typeCode !== PURCHASE) return;
    slab[at + LAST_PURCHASE] = Math.max(slab[at + LAST_PURCHASE]!, event.tsMs);
    if (Number.isNaN(event.value)) return;
    const amount = Math.min(Math.max(event.value, 0), MOST);
    slab[at + 4] = slab[at + 4]! + weight * amount;
    slab[at + LARGEST] = Math.max(slab[at + LARGEST]!, amount);
  },
  read(slab, at, atMs, out, outAt) {
    const [views, baskets, purchases, spent] = [slab[at + 1]!, slab[at + 2]!, slab[at + 3]!, slab[at + 4]!];
    const lastMs = slab[at + LAST_PURCHASE]!;
    out[outAt] = Math.log1p(spent);
    out[outAt + 1] = purchases > 1e-12 ? Math.log1p(spent / purchases) : 0;
    out[outAt + 2] = Math.log1p(slab[at + LARGEST]!);
    out[outAt + 3] = Math.log1p(purchases);
    out[outAt + 4] = Math.log1p(baskets);
    out[outAt + 5] = purchases > 1e-12 ? purchases / (purchases + baskets + views) : 0;
    out[outAt + 6] = lastMs > 0 ? Math.log1p(Math.max(0, atMs - lastMs) / DAY_MS) : 0;
    out[outAt + 7] = lastMs > 0 ? 1 : 0;
  },
};

/** An amount beyond this is a mistake; it must not swamp the sums. */
const MOST = 1e9;
