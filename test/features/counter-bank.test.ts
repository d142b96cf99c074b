import { expect, test } from "vitest";
import {
  BANK_COUNTS,
  BANK_HALF_LIVES_MS,
  BANK_SLOTS,
  countInBank,
  readBankRates,
} from "../../src/features/counter-bank.ts";
import { START_MS } from "./some-events.ts";

test("a steady rate reads the same in every memory once they are warm", () => {
  const slab = new Float64Array(BANK_SLOTS);
  const rates = new Float64Array(BANK_COUNTS);
  const everyMs = 20_000;
  const days = 100;
  for (let ms = 0; ms < days * 86_400_000; ms += everyMs) countInBank(slab, 0, START_MS + ms);
  readBankRates(slab, 0, slab[0] ?? 0, rates);
  const shortfall = 2 ** (-days / 14);
  expect(rates[4]).toBeCloseTo((1_000 / everyMs) * (1 - shortfall), 5);
  for (const [i, rate] of rates.entries()) {
    // Read right at an event, a memory is half an interval ahead.
    const ahead = (Math.LN2 * everyMs) / 2 / (BANK_HALF_LIVES_MS[i] ?? 1);
    expect(Math.abs(rate * (everyMs / 1_000) - 1)).toBeLessThan(ahead * 1.1 + shortfall + 1e-3);
  }
});

test("banks do not disturb each other though they share their exponentials", () => {
  const alone = new Float64Array(BANK_SLOTS);
  for (const seconds of [0, 60, 30]) countInBank(alone, 0, START_MS + seconds * 1_000);
  const mixed = new Float64Array(2 * BANK_SLOTS);
  for (const seconds of [0, 60, 30]) {
    countInBank(mixed, BANK_SLOTS, START_MS + 7 * seconds * 1_000);
    countInBank(mixed, 0, START_MS + seconds * 1_000);
  }
  expect(mixed.subarray(0, BANK_SLOTS)).toEqual(alone);
});
