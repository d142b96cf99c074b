import fc from "fast-check";
import { expect, test } from "vitest";
import { erfc, normalCdf, normalQuantile } from "../../src/kernel/normal.ts";
import { expectWithin } from "./relative.ts";

test("the values of METHODS 4.6, where libraries fail", () => {
  expectWithin(normalCdf(-6), 9.86587645e-10, 1e-9);
  expectWithin(normalCdf(-10), 7.619853024e-24, 1e-9);
  expectWithin(normalQuantile(1 - 1e-6), 4.753424309, 1e-9);
});

// The values were computed with mpmath at 40 digits.
test.for([
  [0.5, 0.4795001221869535],
  [1, 0.15729920705028513],
  [1.5, 0.033894853524689274],
  [2.3, 0.0011431765973566525],
  [-0.7, 1.6778011938374184],
  [-3, 1.9999779095030015],
] as const)("erfc(%f)", ([x, expected]) => expectWithin(erfc(x), expected));

test.for([
  [-10, 7.619853024160525e-24],
  [-2.5, 0.006209665325776135],
  [-0.3, 0.3820885778110474],
  [0, 0.5],
  [0.7, 0.758036347776927],
  [3, 0.9986501019683699],
] as const)("the distribution function at %f", ([x, expected]) => expectWithin(normalCdf(x), expected));

test.for([
  [1e-300, -37.0470962993612],
  [1e-12, -7.034483825301132],
  [0.001, -3.0902323061678136],
  [0.3, -0.5244005127080408],
  [0.975, 1.9599639845400543],
] as const)("the quantile of %f", ([probability, expected]) =>
  expectWithin(normalQuantile(probability), expected),
);

test("the quantile takes the distribution function back, and its ends are infinite", () => {
  const holds = (x: number): void => {
    expect(normalQuantile(normalCdf(x))).toBeCloseTo(x, 9);
  };
  fc.assert(fc.property(fc.double({ min: -8, max: 4, noNaN: true }), holds));
  expect([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY].map(normalCdf)).toEqual([0, 1]);
  expect([normalQuantile(0), normalQuantile(1)]).toEqual([
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
  ]);
});
