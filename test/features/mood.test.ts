import { expect, test } from "vitest";
import { mood } from "../../src/features/mood.ts";
import { aFeatureEvent, DAY_MS, readAfter, START_MS } from "./some-events.ts";

const feeling = (sentiment: number, day = 0) => aFeatureEvent({ sentiment, tsMs: START_MS + day * DAY_MS });

test("the mean forgets, and the deviation is around it", () => {
  const reading = readAfter(mood, [feeling(-0.5), feeling(0.4, 14)]);
  expect(reading["mean"]).toBeCloseTo(0.1, 9);
  expect(reading["sd"]).toBeCloseTo(Math.sqrt((0.5 * 0.36 + 0.09) / 1.5), 9);
});

test("a neutral text is known, no text is not", () => {
  expect(readAfter(mood, [feeling(0)])).toEqual({ mean: 0, sd: 0, known: 1 });
  expect(readAfter(mood, [feeling(Number.NaN)])).toEqual({ mean: 0, sd: 0, known: 0 });
});

test.for([1e308, Infinity, 7])("a sentiment beyond its range, %d, counts as the strongest", (sentiment) => {
  expect(readAfter(mood, [feeling(sentiment)])).toEqual({ mean: 1, sd: 0, known: 1 });
  expect(readAfter(mood, [feeling(-sentiment)])).toEqual({ mean: -1, sd: 0, known: 1 });
});
