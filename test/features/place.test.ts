import { expect, test } from "vitest";
import { place } from "../../src/features/place.ts";
import { aFeatureEvent, DAY_MS, readAfter, START_MS } from "./some-events.ts";

const at = (cellHash: number) => aFeatureEvent({ cellHash });

test("who stays has one home, who travels an even spread", () => {
  expect(readAfter(place, [at(1), at(1), at(1)])).toEqual({
    home_share: 1,
    evenness: 0,
    distinct: Math.log1p(1),
    known: 1,
  });
  const traveller = readAfter(place, [1, 2, 3, 4, 5, 6, 7, 8].map(at));
  expect(traveller["home_share"]).toBeCloseTo(1 / 8, 9);
  expect(traveller["evenness"]).toBeCloseTo(1, 9);
});

test("who never told a place is not known", () => {
  expect(readAfter(place, [at(0)])["known"]).toBe(0);
});

test("all 8 cells fade alike", () => {
  const again = { ...at(1), tsMs: START_MS + 14 * DAY_MS };
  const reading = readAfter(place, [...[1, 2, 3, 4, 5, 6, 7, 8].map(at), again]);
  expect(reading["home_share"]).toBeCloseTo(1.5 / 5, 9);
});
