import fc from "fast-check";
import { expect, test } from "vitest";
import { betaExceeds } from "../../src/kernel/beta-exceeds.ts";
import { logGamma } from "../../src/kernel/incomplete-beta.ts";

test("the vectors of METHODS 3.5", () => {
  expect(betaExceeds(2, 8, 1, 9)).toBeCloseTo(0.7647058824, 9);
  expect(betaExceeds(10, 90, 5, 95)).toBeCloseTo(0.9180878265, 9);
  expect(betaExceeds(31, 971, 21, 981)).toBeCloseTo(0.9222933087, 9);
});

test("for whole numbers it is a finite sum", () => {
  const logBeta = (a: number, b: number) => logGamma(a) + logGamma(b) - logGamma(a + b);
  const exact = (a: number, b: number, c: number, d: number): number => {
    let sum = 0;
    for (let i = 0; i < a; i++)
      sum += Math.exp(logBeta(c + i, d + b) - Math.log(b + i) - logBeta(1 + i, b) - logBeta(c, d));
    return sum;
  };
  const shape = fc.integer({ min: 1, max: 300 });
  const holds = (a: number, b: number, c: number, d: number): void => {
    expect(betaExceeds(a, b, c, d)).toBeCloseTo(exact(a, b, c, d), 9);
  };
  fc.assert(fc.property(shape, shape, shape, shape, holds), { numRuns: 50 });
});

test("of equals each is the larger one as often", () => {
  const shape = fc.double({ min: 0.2, max: 2_000, noNaN: true });
  const holds = (a: number, b: number): void => {
    expect(betaExceeds(a, b, a, b)).toBeCloseTo(0.5, 9);
  };
  fc.assert(fc.property(shape, shape, holds), { numRuns: 50 });
});
