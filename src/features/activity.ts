import { BANK_COUNTS, BANK_SLOTS, countInBank, readBankRates } from "./counter-bank.ts";
import type { FeatureFamily } from "./feature-family.ts";

const EVENTS = BANK_SLOTS;
const SECONDS_AN_HOUR = 3_600;
const rates = new Float64Array(BANK_COUNTS);

/** How much happens, seen through five memories, and how long nothing has. Slots: a bank, the number of events. */
export const activity: FeatureFamily = {
  name: "activity",
  slots: BANK_SLOTS + 1,
  features: ["per_hour_1m", "per_hour_10m", "per_hour_2h", "per_hour_1d", "per_hour_14d", "idle", "events"],
  orderIndependent: true,
  fold(slab, at, event) {
    countInBank(slab, at, event.tsMs);
    slab[at + EVENTS] = slab[at + EVENTS]! + 1;
  },
  read(slab, at, atMs, out, outAt) {
    const events = slab[at + EVENTS]!;
    readBankRates(slab, at, atMs, rates);
    for (let i = 0; i < BANK_COUNTS; i++) out[outAt + i] = Math.log1p(rates[i]! * SECONDS_AN_HOUR);
    out[outAt + 5] = events > 0 ? Math.log1p(Math.max(0, atMs - slab[at]!) / 1_000) : 0;
    out[outAt + 6] = Math.log1p(events);
  },
};
