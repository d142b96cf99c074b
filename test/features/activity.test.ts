import { expect, test } from "vitest";
import { activity } from "../../src/features/activity.ts";
import { aFeatureEvent, MINUTE_MS, readAfter, START_MS } from "./some-events.ts";

test("each memory reads the events an hour that it remembers", () => {
  const reading = readAfter(activity, [aFeatureEvent()], START_MS + 10 * MINUTE_MS);
  const perHour = (Math.LN2 / (10 * MINUTE_MS)) * 3_600_000 * 0.5;
  expect(reading["per_hour_10m"]).toBeCloseTo(Math.log1p(perHour), 9);
  expect(reading["per_hour_1m"]).toBeLessThan(0.05);
});

test("idle is the time since the newest event, whatever came late", () => {
  const events = [aFeatureEvent({ tsMs: START_MS + MINUTE_MS }), aFeatureEvent({ tsMs: START_MS })];
  expect(readAfter(activity, events, START_MS + 2 * MINUTE_MS)["idle"]).toBeCloseTo(Math.log1p(60), 9);
});

test("events are counted, late ones too", () => {
  const events = [2, 1, 3].map((minute) => aFeatureEvent({ tsMs: START_MS + minute * MINUTE_MS }));
  expect(readAfter(activity, events)["events"]).toBeCloseTo(Math.log1p(3), 9);
});
