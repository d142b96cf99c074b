import { expect, test } from "vitest";
import { entropyBits } from "../../src/adapters/entropy.ts";
import { lowerIncompleteGamma } from "../../src/kernel/incomplete-gamma.ts";
import { discreteGaussian } from "../../src/privacy/discrete-gaussian.ts";
import type { RandomBits } from "../../src/privacy/random-bits.ts";
import { InsecureSeededBits, insecureBits } from "./insecure-seeded-bits.ts";

const DRAWS = 400_000;

test.for([
  [1n, 0, 0.3989422783],
  [2n, 0, 0.1994711402],
  [4n, 0, 0.0997355701],
  [1n, 1, 0.2419707232],
] as const)("with sigma %d, %d has its probability", ([sigma, value, probability]) => {
  expect(probabilityOf(value, Number(sigma))).toBeCloseTo(probability, 9);
  const counts = countsOf(sigma, insecureBits(7));
  const error = Math.sqrt((probability * (1 - probability)) / DRAWS);
  expect(Math.abs((counts.get(value) ?? 0) / DRAWS - probability)).toBeLessThan(4.5 * error);
});

test.for([1n, 2n, 4n, 13n])("numbers within four sigma come as often as they should, sigma %d", (sigma) => {
  expect(goodness(countsOf(sigma, insecureBits(11)), Number(sigma))).toBeGreaterThan(1e-6);
});

test("the machine's entropy gives the same distribution", () => {
  expect(goodness(countsOf(3n, entropyBits()), 3)).toBeGreaterThan(1e-6);
});

test("what is not the distribution is told: a sigma that is off by 2 %, and zero twice as often", () => {
  expect(goodness(countsOf(13n, insecureBits(11)), 13 * 1.02)).toBeLessThan(1e-6);
  const counts = new Map(countsOf(4n, insecureBits(11)));
  counts.set(0, (counts.get(0) ?? 0) * 2);
  expect(goodness(counts, 4)).toBeLessThan(1e-6);
});

test("the variance of wide noise is sigma squared", () => {
  const next = discreteGaussian(1_024n, insecureBits(3));
  let squares = 0;
  for (let draw = 0; draw < DRAWS; draw++) squares += Number(next()) ** 2;
  expect(Math.abs(squares / DRAWS / 1_024 ** 2 - 1)).toBeLessThan(4.5 * Math.sqrt(2 / DRAWS));
});

test("no noise is drawn with a sigma below one", () => {
  expect(() => discreteGaussian(0n, insecureBits(1))).toThrow("sigma");
});

test("seeded bits are made by nobody who does not say that they hide nothing, and only in tests", () => {
  expect(() => new InsecureSeededBits(1, "" as "these bits hide nothing")).toThrow("tests only");
  const held = process.env["VITEST"];
  delete process.env["VITEST"];
  expect(() => insecureBits(1)).toThrow("tests only");
  process.env["VITEST"] = held;
});

test("bits of any width are uniform, across the ends of the pool", () => {
  const bits = entropyBits();
  expect(bits.bits(0)).toBe(0n);
  let ones = 0;
  for (let draw = 0; draw < 20_000; draw++) {
    const wide = bits.bits(1 + (draw % 130));
    expect(wide < 1n << BigInt(1 + (draw % 130))).toBe(true);
    ones += Number(wide & 1n);
  }
  expect(Math.abs(ones - 10_000)).toBeLessThan(4.5 * Math.sqrt(5_000));
});

function countsOf(sigma: bigint, bits: RandomBits): Map<number, number> {
  const next = discreteGaussian(sigma, bits);
  const counts = new Map<number, number>();
  for (let draw = 0; draw < DRAWS; draw++) {
    const value = Number(next());
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

/** Probability of so large a chi-square over |y| <= 4 sigma, all beyond as one more cell. */
function goodness(counts: ReadonlyMap<number, number>, sigma: number): number {
  const limit = Math.ceil(4 * sigma);
  let [chi, seen, probability] = [0, 0, 0];
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  for (let value = -limit; value <= limit; value++) {
    const expected = probabilityOf(value, sigma) * total;
    const count = counts.get(value) ?? 0;
    chi += (count - expected) ** 2 / expected;
    seen += count;
    probability += expected / total;
  }
  const beyond = Math.max(1e-12, 1 - probability) * total;
  chi += (total - seen - beyond) ** 2 / beyond;
  return 1 - lowerIncompleteGamma((2 * limit + 1) / 2, chi / 2);
}

function probabilityOf(value: number, sigma: number): number {
  let sum = 0;
  for (let y = -Math.ceil(40 * sigma); y <= 40 * sigma; y++) sum += Math.exp(-(y * y) / (2 * sigma * sigma));
  return Math.exp(-(value * value) / (2 * sigma * sigma)) / sum;
}
