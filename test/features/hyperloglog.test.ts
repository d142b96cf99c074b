import { expect, test } from "vitest";
import {
  addToHyperLogLog,
  estimateDistinct,
  HLL_SLOTS,
  linearCount,
  REGISTERS,
} from "../../src/features/hyperloglog.ts";
import { hash32 } from "../../src/kernel/hash.ts";

function estimateOf(keys: number, salt = ""): number {
  const slab = new Float64Array(HLL_SLOTS);
  for (let i = 0; i < keys; i++) addToHyperLogLog(slab, 0, hash32(`${salt}:${i}`));
  return estimateDistinct(slab, 0);
}

test("246 of 256 registers empty stand for 10.2 keys", () => {
  expect(linearCount(REGISTERS, 246)).toBeCloseTo(10.2005525881, 9);
});

test("nothing noted is estimated as nothing", () => {
  expect(estimateOf(0)).toBe(0);
});

test.for([10, 50, 200, 600, 1_000, 5_000, 100_000])(
  "%i keys are estimated without bias and within 6.5 percent on the whole",
  (keys) => {
    const trials = 40;
    let sum = 0;
    let squares = 0;
    for (let trial = 0; trial < trials; trial++) {
      const error = estimateOf(keys, `${trial}`) / keys - 1;
      sum += error;
      squares += error * error;
    }
    expect(Math.abs(sum / trials)).toBeLessThan(0.04);
    expect(Math.sqrt(squares / trials)).toBeLessThan(0.065 * 1.35); // A deviation of 40 trials is itself off by 11 %.
  },
);

test("a key that is noted again changes nothing, and order does not matter", () => {
  const keys = Array.from({ length: 500 }, (_, i) => hash32(`${i}`));
  const once = new Float64Array(HLL_SLOTS);
  for (const key of keys) addToHyperLogLog(once, 0, key);
  const again = new Float64Array(HLL_SLOTS);
  for (const key of [...keys.toReversed(), ...keys]) addToHyperLogLog(again, 0, key);
  expect(again).toEqual(once);
});

test("the registers of any keys are ordinary numbers, whose bits no engine changes", () => {
  const slab = new Float64Array(HLL_SLOTS);
  for (let i = 0; i < 300_000; i++) addToHyperLogLog(slab, 0, hash32(`${i}`));
  for (const slot of slab) expect(Number.isFinite(slot)).toBe(true);
});
