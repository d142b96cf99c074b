import { expect, test } from "vitest";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import { origin } from "../../src/features/origin.ts";
import { aFeatureEvent, readAfter } from "./some-events.ts";

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
