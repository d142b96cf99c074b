import fc from "fast-check";
import { expect, test } from "vitest";
import { weightedChoice } from "../../../src/cli/shop/weighted-choice.ts";
import { seededRandom } from "../../../src/kernel/random.ts";

test("each outcome is drawn by its weight", () => {
  const draw = weightedChoice([1, 0, 3, 6]);
  const random = seededRandom(1);
  const counts = [0, 0, 0, 0];
  for (let round = 0; round < 100_000; round++) {
    const drawn = draw(random);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  expect(counts[1]).toBe(0);
  expect((counts[0] ?? 0) / 100_000).toBeCloseTo(0.1, 2);
  expect((counts[2] ?? 0) / 100_000).toBeCloseTo(0.3, 2);
});

test("what has no weight is never drawn, whatever the number", () => {
  const weights = fc
    .array(fc.integer({ min: 0, max: 3 }), { minLength: 1 })
    .filter((w) => w.some((x) => x > 0));
  const uniform = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const holds = (given: number[], drawn: number) => {
    expect(given[weightedChoice(given)(() => drawn)]).toBeGreaterThan(0);
  };
  fc.assert(fc.property(weights, uniform, holds));
});

test("a choice without any weight is refused", () => {
  expect(() => weightedChoice([0, 0])).toThrow("something to choose");
});
