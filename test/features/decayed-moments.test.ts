import fc from "fast-check";
import { expect, test } from "vitest";
import { addToMoments, deviationOf, MOMENT_SLOTS } from "../../src/features/decayed-moments.ts";

test("mean and deviation are those of the weighted values, in any order", () => {
  const weighted = fc.tuple(fc.integer({ min: -100, max: 100 }), fc.integer({ min: 1, max: 8 }));
  fc.assert(
    fc.property(fc.array(weighted, { minLength: 1 }), (values) => {
      const total = values.reduce((sum, [, weight]) => sum + weight / 8, 0);
      const mean = values.reduce((sum, [value, weight]) => sum + (value * weight) / 8, 0) / total;
      const squares = values.reduce((sum, [value, weight]) => sum + ((value - mean) ** 2 * weight) / 8, 0);
      for (const order of [values, values.toReversed()]) {
        const slab = new Float64Array(MOMENT_SLOTS);
        for (const [value, weight] of order) addToMoments(slab, 0, value, weight / 8);
        expect(slab[2]).toBeCloseTo(mean, 9);
        expect(deviationOf(slab, 0) ** 2).toBeCloseTo(squares / total, 6);
      }
    }),
  );
});

test("a large value with small differences keeps its variance", () => {
  const slab = new Float64Array(MOMENT_SLOTS);
  for (const value of [1e9, 1e9 + 1, 1e9 + 2]) addToMoments(slab, 0, value, 1);
  expect(deviationOf(slab, 0)).toBeCloseTo(Math.sqrt(2 / 3), 6);
});

test("the same value again and again has no deviation at all", () => {
  const slab = new Float64Array(MOMENT_SLOTS);
  for (const weight of [1, 0.3, 0.001, 1]) addToMoments(slab, 0, 0.1, weight);
  expect(deviationOf(slab, 0)).toBe(0);
});

test("a weight of nothing adds nothing, not even to nothing", () => {
  const slab = new Float64Array(MOMENT_SLOTS);
  addToMoments(slab, 0, 5, 0);
  expect([...slab]).toEqual([0, 0, 0]);
});

test("no rounding makes a variance negative, though what was held has all but decayed", () => {
  const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(value, value, fc.integer({ min: 0, max: 1_100 }), (before, after, halfLives) => {
      const slab = new Float64Array(MOMENT_SLOTS);
      addToMoments(slab, 0, before, 1);
      for (const slot of [0, 1]) slab[slot] = (slab[slot] ?? 0) * 2 ** -halfLives;
      addToMoments(slab, 0, after, 1);
      expect(deviationOf(slab, 0)).toBeGreaterThanOrEqual(0);
    }),
  );
});
