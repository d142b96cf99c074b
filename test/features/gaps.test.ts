import { expect, test } from "vitest";
import { burstiness, gaps } from "../../src/features/gaps.ts";
import { aFeatureEvent, readAfter, START_MS } from "./some-events.ts";

const atSeconds = (seconds: readonly number[]) =>
  seconds.map((second) => aFeatureEvent({ tsMs: START_MS + second * 1_000 }));

test("gaps of 1, 1, 1 and 97 are bursty by .249", () => {
  const mean = 25;
  const deviation = Math.sqrt((3 * 24 ** 2 + 72 ** 2) / 4);
  expect(burstiness(mean, deviation)).toBeCloseTo(0.2489021133, 9);
});

test("a clockwork has a burstiness of -1 and no deviation", () => {
  const reading = readAfter(gaps, atSeconds(Array.from({ length: 40 }, (_, i) => 10 * i)));
  expect(reading["burstiness"]).toBeCloseTo(-1, 9);
  expect(reading["log_sd"]).toBeCloseTo(0, 9);
  expect(reading["variation"]).toBeCloseTo(0, 9);
  expect(reading["log_mean"]).toBeCloseTo(Math.log1p(10), 9);
});

test("bursts with long pauses have a burstiness above zero", () => {
  const seconds = Array.from({ length: 40 }, (_, i) => 1_000 * Math.floor(i / 8) + (i % 8));
  expect(readAfter(gaps, atSeconds(seconds))["burstiness"]).toBeGreaterThan(0.2);
});

test("the newest gap is that before the newest event", () => {
  expect(readAfter(gaps, atSeconds([0, 5, 65]))["newest"]).toBeCloseTo(Math.log1p(60), 9);
});

test("after 32 gaps of another length the old ones count one half", () => {
  const before = Array.from({ length: 1_200 }, (_, i) => 10 * i);
  const after = Array.from({ length: 32 }, (_, i) => 10 * 1_199 + 1_000 * (i + 1));
  const reading = readAfter(gaps, atSeconds([...before, ...after]));
  expect(reading["log_mean"]).toBeCloseTo((Math.log1p(1_000) + Math.log1p(10)) / 2, 6);
  expect(reading["log_sd"]).toBeCloseTo((Math.log1p(1_000) - Math.log1p(10)) / 2, 6);
  expect(reading["variation"]).toBeCloseTo(Math.log1p(495 / 505), 6);
});

test("one event has no gap", () => {
  expect(readAfter(gaps, atSeconds([0]))["known"]).toBe(0);
  expect(readAfter(gaps, atSeconds([0, 1]))["known"]).toBe(1);
});

test("an event that comes late changes nothing", () => {
  expect(readAfter(gaps, atSeconds([0, 10, 30, 20]))).toEqual(readAfter(gaps, atSeconds([0, 10, 30])));
});
