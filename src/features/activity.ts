import { DAY_MS, HOUR_MS, MINUTE_MS, ratePerSecond, remains } from "./decayed-sums.ts";
import type { FeatureFamily } from "./feature-family.ts";

const HALF_LIVES_MS = [MINUTE_MS, 10 * MINUTE_MS, 2 * HOUR_MS, DAY_MS, 14 * DAY_MS];
const SECONDS_AN_HOUR = 3_600;

/** How much happens, seen through five memories, and how long nothing has. Slots: time, five counts, events. */
export const activity: FeatureFamily = {
  name: "activity",
  slots: 2 + HALF_LIVES_MS.length,
  features: ["per_hour_1m", "per_hour_10m", "per_hour_2h", "per_hour_1d", "per_hour_14d", "idle", "events"],
  orderIndependent: true,
  fold(slab, at, event) {
    const heldMs = slab[at]!;
    const lateMs = heldMs - event.tsMs;
    for (const [i, halfLifeMs] of HALF_LIVES_MS.entries()) {
      const slot = at + 1 + i;
      if (lateMs > 0) slab[slot] = slab[slot]! + remains(lateMs, halfLifeMs);
      else slab[slot] = (heldMs > 0 ? slab[slot]! * remains(-lateMs, halfLifeMs) : 0) + 1;
    }
    if (lateMs <= 0) slab[at] = event.tsMs;
    slab[at + 6] = slab[at + 6]! + 1;
  },
  read(slab, at, atMs, out, outAt) {
    const idleMs = slab[at + 6]! > 0 ? Math.max(0, atMs - slab[at]!) : 0;
    for (const [i, halfLifeMs] of HALF_LIVES_MS.entries()) {
      const perSecond = ratePerSecond(slab[at + 1 + i]! * remains(idleMs, halfLifeMs), halfLifeMs);
      out[outAt + i] = Math.log1p(perSecond * SECONDS_AN_HOUR);
    }
    out[outAt + 5] = Math.log1p(idleMs / 1_000);
    out[outAt + 6] = Math.log1p(slab[at + 6]!);
  },
};
