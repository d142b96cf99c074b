import { expect, test } from "vitest";
import { keywordMix } from "../../src/features/keyword-mix.ts";
import { keywordHashes } from "../../src/features/keywords.ts";
import { aFeatureEvent, DAY_MS, readAfter, START_MS } from "./some-events.ts";

const saying = (text: string, day = 0) =>
  aFeatureEvent({ keywordHashes: keywordHashes(text, 32), tsMs: START_MS + day * DAY_MS });

function similarity(some: ReturnType<typeof saying>[], other: ReturnType<typeof saying>[]): number {
  const theirs = readAfter(keywordMix, other);
  return Object.entries(readAfter(keywordMix, some)).reduce(
    (sum, [name, value]) => sum + value * (theirs[name] ?? 0),
    0,
  );
}

test("users who search for the same are alike, others are not", () => {
  const shoes = [saying("red leather shoes"), saying("leather boots winter")];
  expect(similarity(shoes, [saying("winter boots"), saying("leather shoes")])).toBeGreaterThan(0.7);
  expect(Math.abs(similarity(shoes, [saying("python async tutorial"), saying("django rest")]))).toBeLessThan(
    0.4,
  );
});

test("newer words weigh more", () => {
  const history = [saying("shoes"), saying("garden", 60)];
  expect(similarity(history, [saying("garden")])).toBeGreaterThan(0.95);
});

test("all buckets fade alike: the same words again leave the direction as it was", () => {
  const onDay = (day: number) => Array.from({ length: 2_000 }, (_, i) => saying(`word${i}`, day));
  const before = readAfter(keywordMix, onDay(0));
  const after = readAfter(keywordMix, [...onDay(0), ...onDay(14)]);
  for (const [name, value] of Object.entries(before)) expect(after[name], name).toBeCloseTo(value, 9);
});
