import { expect, test } from "vitest";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import { origin } from "../../src/features/origin.ts";
import { aFeatureEvent, DAY_MS, readAfter, START_MS } from "./some-events.ts";

function similarity(some: Partial<FeatureEvent>, other: Partial<FeatureEvent>): number {
  const theirs = readAfter(origin, [aFeatureEvent(other)]);
  return Object.entries(readAfter(origin, [aFeatureEvent(some)])).reduce(
    (sum, [name, value]) => sum + value * (theirs[name] ?? 0),
    0,
  );
}

test("the same origin reads the same, and length one", () => {
  const phone = { deviceHash: 77, referrerHash: 78, countryHash: 79 };
  expect(similarity(phone, phone)).toBeCloseTo(1, 9);
});

test("on average different origins have nothing in common", () => {
  let sum = 0;
  const pairs = 500;
  for (let i = 1; i <= pairs; i++) sum += similarity({ deviceHash: i }, { deviceHash: 1_000 + i });
  expect(Math.abs(sum / pairs)).toBeLessThan(0.05);
});

test.for(["referrerHash", "deviceHash", "campaignHash", "countryHash"])("%s counts by itself", (field) => {
  expect(similarity({ [field]: 77 }, { [field]: 77 })).toBeCloseTo(1, 9);
  expect(similarity({ deviceHash: 5, [field]: 77 }, { deviceHash: 5 })).toBeLessThan(0.999);
});

test("all buckets fade alike: the same origins again leave the direction as it was", () => {
  const onDay = (day: number) =>
    Array.from({ length: 200 }, (_, i) =>
      aFeatureEvent({ referrerHash: 1 + i, tsMs: START_MS + day * DAY_MS }),
    );
  const before = readAfter(origin, onDay(0));
  const after = readAfter(origin, [...onDay(0), ...onDay(14)]);
  for (const [name, value] of Object.entries(before)) expect(after[name], name).toBeCloseTo(value, 9);
});
