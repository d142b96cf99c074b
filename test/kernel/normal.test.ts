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
  [0.5, 0.47950012218695346],
  [1, 0.15729920705028513],
  [1.5, 0.033894853524689273],
  [2.3, 0.0011431765973566525],
  [-0.7, 1.6778011938374184],
  [-3, 1.9999779095030014],
] as const)("erfc(%f)", ([x, expected]) => expectWithin(erfc(x), expected));

test.for([
  [-10, 7.6198530241605261e-24],
  [-2.5, 0.0062096653257761352],
  [-0.3, 0.38208857781104737],
  [0, 0.5],
  [0.7, 0.75803634777692697],
  [3, 0.99865010196836991],
] as const)("the distribution function at %f", ([x, expected]) => expectWithin(normalCdf(x), expected));

test.for([
  [1e-300, -37.047096299361199],
  [1e-12, -7.0344838253011319],
  [0.001, -3.0902323061678135],
  [0.3, -0.52440051270804078],
  [0.975, 1.9599639845400542],
] as const)("the quantile of %f", ([probability, expected]) =>
  expectWithin(normalQuantile(probability), expected),
);

test("the quantile takes the distribution function back, and its ends are infinite", () => {
  const holds = (x: number): void => {
    expect(normalQuantile(normalCdf(x))).toBeCloseTo(x, 9);
  };
  fc.assert(fc.property(fc.double({ min: -8, max: 4, noNaN: true }), holds));
  expect([normalQuantile(0), normalQuantile(1)]).toEqual([
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
  ]);
});
