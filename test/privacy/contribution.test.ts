import fc from "fast-check";
import { expect, test } from "vitest";
import {
  CONTRIBUTION_GRID,
  COUNT_UNITS,
  clip,
  isWithinNorm,
  quantiseTowardZero,
  SENSITIVITY,
  SQUARED_SENSITIVITY_UNITS,
} from "../../src/privacy/contribution.ts";
import { mayContribute } from "../../src/privacy/contribution-cap.ts";

const someVector = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
  minLength: 1,
  maxLength: 40,
});
const someShort = fc.array(fc.double({ min: -1.2, max: 1.2, noNaN: true }), { minLength: 1, maxLength: 40 });

test("the sensitivity is that of a unit vector and half a count", () => {
  expect(SENSITIVITY).toBeCloseTo(1.118033989, 9);
  expect(SQUARED_SENSITIVITY_UNITS).toBe(4096 ** 2 + 2048 ** 2);
  expect(COUNT_UNITS).toBe(2048);
});

test("clipping shortens what is too long and leaves the rest as it is", () => {
  expect(clip([3, 4])).toEqual(Float64Array.of(0.6, 0.8));
  expect(clip([0.1, -0.2])).toEqual(Float64Array.of(0.1, -0.2));
  expect(clip([0, 0])).toEqual(Float64Array.of(0, 0));
});

test.for([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  "a vector with %f is refused",
  (value) => {
    expect(clip([0.1, value])).toBeUndefined();
  },
);

test("clipped and quantised, nothing is longer than the norm, by an exact sum of squares", () => {
  const holds = (vector: number[]): void => {
    const clipped = clip(vector)!;
    const units = quantiseTowardZero(clipped);
    expect(isWithinNorm(units)).toBe(true);
    for (const [i, value] of units.entries()) {
      expect(Math.abs(value) * CONTRIBUTION_GRID).toBeLessThanOrEqual(Math.abs(clipped[i]!));
      expect(Math.abs(value * CONTRIBUTION_GRID - clipped[i]!)).toBeLessThan(2 * CONTRIBUTION_GRID);
    }
  };
  fc.assert(fc.property(fc.oneof(someVector, someShort), holds), { numRuns: 500 });
});

test("sums with a contribution and without differ by no more than the sensitivity", () => {
  const holds = (others: number[][], vector: number[]): void => {
    const dim = vector.length;
    const add = (vectors: number[][]): bigint[] => {
      const sums = new Array<bigint>(dim + 1).fill(0n);
      for (const one of vectors) {
        const units = quantiseTowardZero(clip(one)!);
        for (let i = 0; i < dim; i++) sums[i]! += BigInt(units[i] ?? 0);
        sums[dim]! += BigInt(COUNT_UNITS);
      }
      return sums;
    };
    const [without, within] = [add(others), add([...others, vector])];
    const squared = within.reduce((sum, value, i) => sum + (value - without[i]!) ** 2n, 0n);
    expect(squared <= BigInt(SQUARED_SENSITIVITY_UNITS)).toBe(true);
  };
  fc.assert(fc.property(fc.array(someShort, { maxLength: 5 }), someVector, holds), { numRuns: 300 });
});

test("whatever the order of events, no window holds more contributions than the cap", () => {
  const holds = (order: number[], buckets: number, contributions: number): void => {
    const cap = { buckets, contributions: Math.min(buckets, contributions) };
    const accepted: number[] = [];
    for (const bucket of order)
      if (!accepted.includes(bucket) && mayContribute(accepted, bucket, cap)) accepted.push(bucket);
    for (let first = 0; first <= 40; first++) {
      const within = accepted.filter((bucket) => bucket >= first && bucket < first + buckets);
      expect(within.length).toBeLessThanOrEqual(cap.contributions);
    }
  };
  const someOrder = fc.array(fc.nat({ max: 40 }), { maxLength: 80 });
  const some = fc.integer({ min: 1, max: 9 });
  fc.assert(fc.property(someOrder, some, some, holds), { numRuns: 1_000 });
});

test("the cap takes nothing that it could allow", () => {
  const cap = { contributions: 2, buckets: 4 };
  expect(mayContribute([], 5, cap)).toBe(true);
  expect(mayContribute([3, 4], 5, cap)).toBe(false);
  expect(mayContribute([3, 4], 7, cap)).toBe(true);
  expect(mayContribute([6, 7], 5, cap)).toBe(false); // Later buckets came first.
  expect(mayContribute([1, 2, 3, 4], 5, { contributions: 4, buckets: 4 })).toBe(true);
});
