import { DAY_MS, HABIT_MS, HOUR_MS, MINUTE_MS, ratePerSecond, remains } from "./decayed-sums.ts";

/** The memories of a bank, fastest first: this minute, this visit, today, this week, these weeks (METHODS 5.1). */
export const BANK_HALF_LIVES_MS: readonly number[] = [
  MINUTE_MS,
  10 * MINUTE_MS,
  2 * HOUR_MS,
  DAY_MS,
  HABIT_MS,
];
export const BANK_COUNTS = BANK_HALF_LIVES_MS.length;
/** Float64 slots of a bank: its time and a count each. */
export const BANK_SLOTS = 1 + BANK_COUNTS;

// Several families fold the same event, so the same age comes several times in a row: exponentials cost the most here.
const factors = new Float64Array(BANK_COUNTS).fill(1);
let factorsForMs = 0;

/** Counts one event in every memory. `slab[at .. at + BANK_SLOTS)` holds the bank; late events count exactly. */
export function countInBank(slab: Float64Array, at: number, tsMs: number): void {
  const newerMs = tsMs - slab[at]!;
  findFactors(Math.abs(newerMs));
  for (let i = 0; i < BANK_COUNTS; i++) {
    const slot = at + 1 + i;
    slab[slot] = newerMs < 0 ? slab[slot]! + factors[i]! : slab[slot]! * factors[i]! + 1;
  }
  if (newerMs > 0) slab[at] = tsMs;
}

/** Writes the rate in each memory as of `atMs`, in events a second, to `out` of shape [BANK_COUNTS]. */
export function readBankRates(slab: Float64Array, at: number, atMs: number, out: Float64Array): void {
  findFactors(Math.max(0, atMs - slab[at]!));
  for (let i = 0; i < BANK_COUNTS; i++) {
    out[i] = ratePerSecond(slab[at + 1 + i]! * factors[i]!, BANK_HALF_LIVES_MS[i]!);
  }
}

function findFactors(ageMs: number): void {
  if (ageMs === factorsForMs) return;
  for (let i = 0; i < BANK_COUNTS; i++) factors[i] = remains(ageMs, BANK_HALF_LIVES_MS[i]!);
  factorsForMs = ageMs;
}
