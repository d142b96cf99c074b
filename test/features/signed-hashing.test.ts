import { expect, test } from "vitest";
import { addSigned, readUnit } from "../../src/features/signed-hashing.ts";
import { hash32 } from "../../src/kernel/hash.ts";

const BUCKETS = 64;
type Bag = Readonly<Record<string, number>>;

function hashed(bag: Bag, salt: number): Float64Array {
  const slab = new Float64Array(BUCKETS);
  for (const [word, weight] of Object.entries(bag)) addSigned(slab, 0, BUCKETS, hash32(word, salt), weight);
  return slab;
}

test("the inner product of hashed vectors is that of the originals on average", () => {
  const x: Bag = { red: 2, shoe: 1, leather: 3, sale: 1 };
  const y: Bag = { shoe: 4, leather: 1, blue: 2 };
  const expected = 1 * 4 + 3 * 1;
  const trials = 20_000;
  let sum = 0;
  let squares = 0;
  for (let salt = 0; salt < trials; salt++) {
    const theirs = hashed(y, salt);
    const product = hashed(x, salt).reduce((inner, value, i) => inner + value * (theirs[i] ?? 0), 0);
    sum += product;
    squares += product * product;
  }
  const mean = sum / trials;
  const standardError = Math.sqrt((squares / trials - mean * mean) / trials);
  expect(Math.abs(mean - expected)).toBeLessThan(4 * standardError);
  expect(standardError).toBeLessThan(0.05);
});

test("every bucket and both signs are used alike", () => {
  const uses = new Float64Array(BUCKETS);
  let positive = 0;
  const words = 64_000;
  for (let i = 0; i < words; i++) {
    const slab = hashed({ [`w${i}`]: 1 }, 0);
    const bucket = slab.findIndex((value) => value !== 0);
    uses[bucket] = (uses[bucket] ?? 0) + 1;
    if ((slab[bucket] ?? 0) > 0) positive++;
  }
  const chiSquare = uses.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0);
  expect(chiSquare).toBeLessThan(104); // 99.9th percentile of chi-square with 63 degrees of freedom.
  expect(Math.abs(positive / words - 0.5)).toBeLessThan(0.008);
});

test("it reads as a vector of length one, and nothing reads as zero", () => {
  const out = new Float32Array(BUCKETS);
  readUnit(hashed({ red: 5, shoe: 2 }, 1), 0, BUCKETS, out, 0);
  expect(Math.hypot(...out)).toBeCloseTo(1, 6);
  readUnit(new Float64Array(BUCKETS), 0, BUCKETS, out, 0);
  expect(out.every((value) => value === 0)).toBe(true);
});
