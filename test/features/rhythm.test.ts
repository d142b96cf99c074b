import { expect, test } from "vitest";
import { rhythm } from "../../src/features/rhythm.ts";
import { aFeatureEvent, DAY_MS, HOUR_MS, readAfter, START_MS } from "./some-events.ts";

const atHour = (hour: number, utcOffsetMinutes = 0) =>
  aFeatureEvent({ tsMs: START_MS + hour * HOUR_MS, utcOffsetMinutes });

function peakOf(reading: Record<string, number>, circle: "day" | "week", length: number): number {
  const turns = Math.atan2(reading[`${circle}_sin`] ?? 0, reading[`${circle}_cos`] ?? 0) / (2 * Math.PI);
  return ((turns + 1) % 1) * length;
}

test("hours 23, 0, 1 and 2 peak at half past midnight", () => {
  // A day later weighs more by 2^(1/14): the same hours of one night do not.
  const reading = readAfter(
    rhythm,
    [-1, 0, 1, 2].map((hour) => atHour(hour)),
  );
  expect(peakOf(reading, "day", 24)).toBeCloseTo(0.5, 1);
  expect(reading["day_strength"]).toBeCloseTo(0.9576621969, 4);
});

test("hours are those of the user's own clock", () => {
  expect(peakOf(readAfter(rhythm, [atHour(10, 120)]), "day", 24)).toBeCloseTo(12, 9);
  expect(peakOf(readAfter(rhythm, [atHour(1, -180)]), "day", 24)).toBeCloseTo(22, 9);
});

test("the week begins on Monday", () => {
  const thursday = readAfter(rhythm, [atHour(0)]); // The epoch was a Thursday, and so is START_MS.
  expect(peakOf(thursday, "week", 7)).toBeCloseTo(3, 9);
});

test("who comes at any hour has no peak", () => {
  const hours = Array.from({ length: 24 }, (_, hour) => atHour(hour));
  expect(readAfter(rhythm, hours)["day_strength"]).toBeLessThan(0.03);
});

test("a new habit replaces an old one in weeks", () => {
  const days = Array.from({ length: 100 }, (_, day) => atHour(24 * day + (day < 40 ? 6 : 18)));
  const reading = readAfter(rhythm, days, START_MS + 100 * DAY_MS);
  expect(peakOf(reading, "day", 24)).toBeCloseTo(18, 1);
});
