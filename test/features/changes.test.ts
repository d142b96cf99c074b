import { expect, test } from "vitest";
import { changes } from "../../src/features/changes.ts";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import { aFeatureEvent, DAY_MS, readAfter, START_MS } from "./some-events.ts";

const onDay = (day: number, given: Partial<FeatureEvent>) =>
  aFeatureEvent({ tsMs: START_MS + day * DAY_MS, ...given });

test("a change is another value than the one before, of each by itself", () => {
  const reading = readAfter(changes, [
    onDay(0, { deviceHash: 1, countryHash: 5, cellHash: 8 }),
    onDay(0, { deviceHash: 2, countryHash: 5, cellHash: 9 }),
    onDay(0, { deviceHash: 1, countryHash: 5, cellHash: 9 }),
  ]);
  expect(Math.expm1(reading["device"] ?? 0)).toBeCloseTo(2, 9);
  expect(reading["country"]).toBe(0);
  expect(Math.expm1(reading["cell"] ?? 0)).toBeCloseTo(1, 9);
  expect(reading["referrer"]).toBe(0);
});

test("an event that does not say changes nothing", () => {
  const reading = readAfter(changes, [
    onDay(0, { deviceHash: 1 }),
    onDay(1, {}),
    onDay(2, { deviceHash: 1 }),
  ]);
  expect(reading["device"]).toBe(0);
});

test("an event that says something else leaves what it does not say as it was", () => {
  const between = [onDay(0, { deviceHash: 1 }), onDay(0, { countryHash: 5 })];
  const same = readAfter(changes, [...between, onDay(0, { deviceHash: 1 })]);
  const other = readAfter(changes, [...between, onDay(0, { deviceHash: 2 })]);
  expect(same["device"]).toBe(0);
  expect(Math.expm1(other["device"] ?? 0)).toBeCloseTo(1, 9);
});

test("changes are forgotten by half-lives of 14 days", () => {
  const events = [onDay(0, { cellHash: 1 }), onDay(0, { cellHash: 2 })];
  expect(Math.expm1(readAfter(changes, events, START_MS + 14 * DAY_MS)["cell"] ?? 0)).toBeCloseTo(0.5, 9);
  const later = readAfter(changes, [...events, onDay(14, { cellHash: 2 })]);
  expect(Math.expm1(later["cell"] ?? 0)).toBeCloseTo(0.5, 9);
});
