import { expect, test } from "vitest";
import { accelerationOf, logRatio, velocity } from "../../src/features/velocity.ts";
import { aFeatureEvent, HOUR_MS, readAfter, START_MS } from "./some-events.ts";

test("a minute after a step from one to three events a second, the log ratio is .567 and the acceleration .0011", () => {
  const [fast, slow] = [1, 10].map((minutes) => 3 - 2 * 2 ** (-1 / minutes)) as [number, number];
  expect(fast).toBeCloseTo(2, 9);
  expect(slow).toBeCloseTo(1.1339340169, 9);
  expect(logRatio(fast, slow, 0)).toBeCloseTo(0.5674541631, 9);
  expect(accelerationOf(fast, slow)).toBeCloseTo(0.0011116874, 9);
});

test("the step is seen in folded events", () => {
  const events = [];
  for (let second = -2 * 3_600; second < 0; second++) events.push(second);
  for (let third = 1; third <= 180; third++) events.push(third / 3);
  const reading = readAfter(
    velocity,
    events.map((second) => aFeatureEvent({ tsMs: START_MS + second * 1_000 })),
  );
  expect(reading["log_1m_10m"]).toBeCloseTo(0.5674541631, 1);
  expect(reading["acceleration"]).toBeCloseTo(Math.asinh(0.0011116874 * 3_600), 1);
});

test("who has stopped slows down in every memory and then rests at zero", () => {
  const events = Array.from({ length: 50 }, (_, i) => aFeatureEvent({ tsMs: START_MS + i * 10_000 }));
  const soon = readAfter(velocity, events, START_MS + HOUR_MS);
  expect(soon["log_1m_10m"]).toBeLessThan(0);
  expect(soon["acceleration"]).toBeLessThan(0);
  for (const value of Object.values(readAfter(velocity, events, START_MS + 20_000 * HOUR_MS))) {
    expect(value).toBeCloseTo(0, 6);
  }
});
