import { expect, test } from "vitest";
import { measurementOf, median, spreadOf } from "../../bench/harness/spread.ts";

const rounds = { scenario: "drain", metric: "folded", unit: "events/s", rounds: [90, 120, 100] };

test("the median is the middle figure, or the mean of the two in the middle", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test("the spread keeps the rounds in their order, with the smallest and the largest", () => {
  expect(spreadOf([3, 1, 2])).toEqual({ rounds: [3, 1, 2], min: 1, max: 3 });
});

test("the ratio is that of the medians of figure and ceiling", () => {
  const measured = measurementOf({ ...rounds, ceiling: { name: "bare", rounds: [180, 200, 400] } });
  expect(measured).toMatchObject({ value: 100, ceiling: 200, ceilingName: "bare", ratio: 0.5 });
});

test("a goal is reached only if the figure and its ratio both are", () => {
  const ceiling = { name: "bare", rounds: [200] };
  const goal = { ratio: { atLeast: 0.5 }, value: { atLeast: 100 } };
  expect(measurementOf({ ...rounds, ceiling, goal }).reached).toBe(true);
  expect(measurementOf({ ...rounds, ceiling, goal: { ...goal, value: { atLeast: 101 } } }).reached).toBe(
    false,
  );
  expect(measurementOf({ ...rounds, ceiling, goal: { ...goal, ratio: { atLeast: 0.51 } } }).reached).toBe(
    false,
  );
});

test("a goal on a ratio is missed without a ceiling, and one on a figure that is none", () => {
  expect(measurementOf({ ...rounds, goal: { ratio: { atLeast: 0.1 } } }).reached).toBe(false);
  expect(measurementOf({ ...rounds, rounds: [Number.NaN], goal: { value: { atMost: 5 } } }).reached).toBe(
    false,
  );
});

test("a goal says what it asks for", () => {
  const goal = { ratio: { atMost: 1.6 }, value: { atLeast: 100_000 } };
  expect(measurementOf({ ...rounds, goal }).goal).toBe("<= 1.6 x, >= 100,000 events/s");
});

test("what was not given is left out of the result", () => {
  expect(Object.keys(measurementOf(rounds))).toEqual(["scenario", "metric", "value", "unit", "spread"]);
});
