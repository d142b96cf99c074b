import { expect, test } from "vitest";
import { percentileScale, sizeScale, valueScale } from "../../../bench/report/plot-scale.ts";

const texts = (scale: ReturnType<typeof sizeScale>): string[] => scale.ticks.map(({ text }) => text);

test("an axis from zero ends at a round figure at or above the largest", () => {
  const scale = valueScale([30, 93_000], "from-zero");
  expect(texts(scale)).toEqual(["0", "20k", "40k", "60k", "80k", "100k"]);
  expect(scale.at(0)).toBe(0);
  expect(scale.at(100_000)).toBe(1);
});

test("values far apart stand by powers only where that is wished", () => {
  expect(texts(valueScale([0.2, 40], "powers-if-wide"))).toEqual(["0.1", "1", "10", "100"]);
  expect(texts(valueScale([20, 40], "powers-if-wide"))[0]).toBe("0");
});

test("no value is off the axis", () => {
  for (const values of [[0], [0.001], [7], [0, 1e9], [0.5, 0.5]]) {
    for (const wish of ["from-zero", "powers-if-wide"] as const) {
      const scale = valueScale(values, wish);
      for (const value of values) {
        expect(scale.at(value)).toBeGreaterThanOrEqual(0);
        expect(scale.at(value)).toBeLessThanOrEqual(1);
      }
    }
  }
});

test("sizes have a tick each, by factors", () => {
  const scale = sizeScale([8, 64, 512]);
  expect(texts(scale)).toEqual(["8", "64", "512"]);
  expect(scale.at(64)).toBeCloseTo(0.5);
  expect(sizeScale([8]).at(8)).toBe(0.5);
});

test("the maximum stands at the end of the percentiles", () => {
  const scale = percentileScale([50, 99.9, 100]);
  expect(texts(scale)).toEqual(["0", "50", "90", "99", "99.9", "max"]);
  expect(scale.at(100)).toBe(1);
  expect(scale.at(99.9)).toBeLessThan(1);
});
