import fc from "fast-check";
import { expect, test } from "vitest";
import { admit, leftAt, mergeDecayedSums, ratePerSecond } from "../../src/features/decayed-sums.ts";
import { START_MS } from "./some-events.ts";

const HALF_LIFE_MS = 600_000;
type Weighted = readonly [seconds: number, weight: number];

function sumOf(events: readonly Weighted[], fromMs = START_MS): Float64Array {
  const slab = new Float64Array(2);
  for (const [seconds, weight] of events) {
    const left = admit(slab, 0, 1, fromMs + seconds * 1_000, HALF_LIFE_MS);
    slab[1] = (slab[1] ?? 0) + left * weight;
  }
  return slab;
}

const SPEC: readonly Weighted[] = [
  [0, 1],
  [300, 1],
  [600, 2],
];

test.for([START_MS, 0])("a sum forgets by half-lives, from time %i on", (fromMs) => {
  const slab = sumOf(SPEC, fromMs);
  expect(slab[1]).toBeCloseTo(3.2071067812, 9);
  expect((slab[1] ?? 0) * leftAt(slab, 0, fromMs + 1_200_000, HALF_LIFE_MS)).toBeCloseTo(1.6035533906, 9);
});

test("a rate is the sum by the mean age of its events", () => {
  expect(ratePerSecond(3.2071067812, HALF_LIFE_MS)).toBeCloseTo(0.003704995, 9);
});

test("a late event counts as if it had come in time", () => {
  const late: Weighted = [100, 1];
  expect(sumOf([...SPEC, late])[1]).toBeCloseTo(3.7683378053, 9);
  expect(sumOf([late, ...SPEC])[1]).toBeCloseTo(3.7683378053, 9);
});

test("two states merge into that of all events of both", () => {
  const weighted = fc.tuple(fc.integer({ min: 0, max: 3_600 }), fc.integer({ min: 1, max: 5 }));
  fc.assert(
    fc.property(fc.array(weighted), fc.array(weighted), (mine, theirs) => {
      const merged = sumOf(mine);
      const other = sumOf(theirs);
      mergeDecayedSums(merged, 0, other, 0, 1, HALF_LIFE_MS);
      const all = sumOf([...mine, ...theirs]);
      expect(merged[0]).toBe(all[0]);
      expect(merged[1]).toBeCloseTo(all[1] ?? 0, 9);
    }),
  );
});
