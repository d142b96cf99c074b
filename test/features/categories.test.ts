import { expect, test } from "vitest";
import { categories } from "../../src/features/categories.ts";
import { aFeatureEvent, DAY_MS, readAfter, START_MS } from "./some-events.ts";

const showing = (...categoryHashes: number[]) => aFeatureEvent({ categoryHashes });

test("shares of .5, .25 and .25 have their entropy", () => {
  const reading = readAfter(categories, [showing(1, 2), showing(1, 3)]);
  expect(reading["heaviest_share"]).toBeCloseTo(0.5, 9);
  expect(reading["second_share"]).toBeCloseTo(0.25, 9);
  expect(reading["evenness"]).toBeCloseTo((0.9463946304 * Math.log(3)) / Math.log(32), 9);
  expect(reading["distinct"]).toBeCloseTo(Math.log1p(3), 9);
});

test("an interest fades as others come", () => {
  const later = aFeatureEvent({ categoryHashes: [2], tsMs: START_MS + 28 * DAY_MS });
  const reading = readAfter(categories, [showing(1), later]);
  expect(reading["heaviest_share"]).toBeCloseTo(0.8, 9);
});

test("beyond 32 categories the heaviest stay", () => {
  const passing = Array.from({ length: 60 }, (_, i) => [showing(1), showing(1_000 + i)]).flat();
  const reading = readAfter(categories, passing);
  expect(reading["distinct"]).toBeCloseTo(Math.log1p(32), 9);
  expect(reading["heaviest_share"]).toBeCloseTo(0.5, 9);
});

test("events without a category leave it unknown", () => {
  expect(readAfter(categories, [showing()])["known"]).toBe(0);
  expect(readAfter(categories, [showing(1)])["known"]).toBe(1);
});

test("all 32 categories fade alike", () => {
  const all = Array.from({ length: 32 }, (_, i) => 1 + i);
  const again = aFeatureEvent({ categoryHashes: [1], tsMs: START_MS + 14 * DAY_MS });
  expect(readAfter(categories, [showing(...all), again])["heaviest_share"]).toBeCloseTo(1.5 / 17, 9);
});
