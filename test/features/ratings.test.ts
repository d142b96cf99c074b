import { expect, test } from "vitest";
import { ratings } from "../../src/features/ratings.ts";
import { aFeatureEvent, codeOf, DAY_MS, readAfter, START_MS } from "./some-events.ts";

const rating = (value: number) => aFeatureEvent({ typeCode: codeOf("rate"), value });

test("mean and deviation are those of the values rated", () => {
  const reading = readAfter(ratings, [rating(2), rating(4)]);
  expect(Math.sinh(reading["mean"] ?? 0)).toBeCloseTo(3, 9);
  expect(reading["sd"]).toBeCloseTo(Math.log1p(1), 9);
});

test("a value of another event, and a rating without one, rate nothing", () => {
  expect(readAfter(ratings, [aFeatureEvent({ value: 5 }), rating(Number.NaN)])["known"]).toBe(0);
});

test("a value off every scale does not swamp the others", () => {
  const ordinary = Array.from({ length: 9 }, () => rating(5));
  expect(Math.sinh(readAfter(ratings, [...ordinary, rating(1e308)])["mean"] ?? 0)).toBeLessThan(110);
});

test("older ratings count less, in the mean and in the deviation", () => {
  const later = { ...rating(5), tsMs: START_MS + 14 * DAY_MS };
  const reading = readAfter(ratings, [rating(2), rating(4), later]);
  expect(Math.sinh(reading["mean"] ?? 0)).toBeCloseTo(4, 9);
  expect(reading["sd"]).toBeCloseTo(Math.log1p(Math.sqrt((0.5 * 4 + 1) / 2)), 9);
});
