import { expect, test } from "vitest";
import { drainRate } from "../../../bench/peer/drain-rate.ts";

const marks = Array.from({ length: 11 }, (_, i) => ({
  atMs: 5_000 + i * 100,
  events: 1_000 + i * (i < 5 ? 100 : 200),
}));

test("a rate goes from the first progress to the last: what came before it is not counted", () => {
  expect(drainRate(marks).perSecond).toBeCloseTo(2_000);
});

test("the second half begins where half of the events are done", () => {
  const { secondHalfPerSecond, overTime } = drainRate(marks);
  expect(secondHalfPerSecond).toBeGreaterThanOrEqual(2_000);
  expect(overTime.at(-1)?.[0]).toBeCloseTo(1);
  expect(overTime.length).toBeLessThan(marks.length);
});

test("progress that was seen once only is no rate", () => {
  expect(() => drainRate(marks.slice(0, 1))).toThrow(/more events/);
});
