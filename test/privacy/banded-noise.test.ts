import { expect, test } from "vitest";
import {
  bandCoefficients,
  bandedError,
  bandedGain,
  inverseSeries,
  squaredSensitivity,
} from "../../src/privacy/banded-noise.ts";

test("the band is that of the square root of a running sum, as is its inverse", () => {
  expect(bandCoefficients(6)).toEqual([1, 0.5, 0.375, 0.3125, 0.2734375, 0.24609375]);
  expect([...inverseSeries(bandCoefficients(64), 5)]).toEqual([1, -1 / 2, -1 / 8, -1 / 16, -5 / 128]);
  expect([...inverseSeries(bandCoefficients(3), 6)]).toEqual([1, -0.5, -0.125, 0.25, -0.078125, -0.0546875]);
  expect(squaredSensitivity(bandCoefficients(3), 1)).toBe(1.390625);
});

test.for([
  [8, 1.718379],
  [1_024, 3.272554],
] as const)("running sums over %i buckets have the error of the square root, %f", ([buckets, error]) => {
  expect(squaredSensitivity(bandCoefficients(buckets), 1)).toBeCloseTo(error, 6);
});

test.for([
  [0.9, 1.4518, 2.2942],
  [0.95, 1.6488, 3.2026],
  [0.99, 2.1369, 7.0888],
] as const)("sums that decay by %f have the error %f, instead of %f", ([decay, error, independent]) => {
  const squares = bandCoefficients(20_000).map((coefficient, k) => (coefficient * decay ** k) ** 2);
  expect(squares.reduce((sum, square) => sum + square, 0)).toBeCloseTo(error, 3);
  expect(1 / Math.sqrt(1 - decay ** 2)).toBeCloseTo(independent, 4);
});

test.for([
  [7, 6, 2.65, 1.893],
  [30, 30, 5.48, 2.518],
  [90, 90, 9.49, 3.019],
] as const)(
  "one contribution to a window of %i, band %i: %f by independent noise, %f by the band",
  (vector) => {
    const [buckets, band, independent, banded] = vector;
    const cap = { buckets, contributions: 1 };
    expect(bandedError(1, cap)).toBeCloseTo(independent, 1);
    expect(bandedError(band, cap)).toBeCloseTo(banded, 3);
    expect(bandedGain(cap)).toBeGreaterThanOrEqual(independent / banded - 0.01);
  },
);

/** The error of the full square root of a window's sum, one contribution a user: METHODS 1.4, by the middle of many stretches. */
function fullSquareRoot(buckets: number): number {
  const stretches = 20_000;
  let sum = 0;
  for (let k = 0; k < stretches; k++) {
    const half = ((k + 0.5) * Math.PI) / stretches / 2;
    sum += Math.abs(Math.sin(buckets * half) / Math.sin(half));
  }
  return sum / stretches;
}

test.for([
  [7, 1.778],
  [14, 2.059],
  [30, 2.368],
  [90, 2.813],
] as const)(
  "what is said to be gained with a window of %i is within 8 %% of the full square root's %f",
  (vector) => {
    const [buckets, error] = vector;
    expect(fullSquareRoot(buckets)).toBeCloseTo(error, 3);
    const cap = { buckets, contributions: 1 };
    const banded = Math.sqrt(buckets) / bandedGain(cap);
    expect(banded).toBeGreaterThan(error);
    expect(banded).toBeLessThan(1.08 * error);
  },
);

test.for([
  [30, 3, 9.49, 6.66],
  [90, 3, 16.43, 8.15],
  [30, 7, 14.49, 14.04],
  [90, 7, 25.1, 17.6],
] as const)(
  "a window of %i with %i contributions: %f by independent noise, %f by the best band",
  (vector) => {
    const [buckets, contributions, independent, banded] = vector;
    const cap = { buckets, contributions };
    expect(bandedError(1, cap)).toBeCloseTo(independent, 1);
    expect(independent / bandedGain(cap)).toBeCloseTo(banded, 1);
  },
);

test.for([7, 30])("who contributes to every one of %i buckets gains nothing", (buckets) => {
  expect(bandedGain({ buckets, contributions: buckets })).toBeCloseTo(1, 9);
});
