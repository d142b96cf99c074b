import fc from "fast-check";
import { expect, test } from "vitest";
import {
  chiSquareTail,
  lowerIncompleteGamma,
  upperIncompleteGamma,
} from "../../src/kernel/incomplete-gamma.ts";
import { expectWithin } from "./relative.ts";

// The values were computed with mpmath at 40 digits.
test.for([
  [0.5, 0.2, 0.5270892568655381, 0.4729107431344619],
  [0.5, 5, 0.0015654022580025497, 0.9984345977419975],
  [2, 1, 0.7357588823428847, 0.2642411176571154],
  [10, 3, 0.9988975118698845, 0.0011024881301154798],
  [10, 30, 7.121750862815577e-6, 0.9999928782491372],
  [250, 260, 0.25938948260764727, 0.7406105173923527],
] as const)("Q(%f, %f) and P", ([a, x, upper, lower]) => {
  expectWithin(upperIncompleteGamma(a, x), upper);
  expectWithin(lowerIncompleteGamma(a, x), lower);
});

test("the tail of chi-square is that of METHODS 4.6, however far out", () => {
  expectWithin(chiSquareTail(100, 1), 1.523970605e-23, 1e-9);
  expectWithin(chiSquareTail(3.3, 4), 0.5089322578449987);
  expectWithin(chiSquareTail(18.2, 1), 1.9887883467191813e-5);
});

test("for whole a, Q is the chance of fewer than a events of a Poisson distribution", () => {
  const holds = (a: number, x: number): void => {
    let term = Math.exp(-x);
    let sum = 0;
    for (let i = 0; i < a; i++) {
      sum += term;
      term *= x / (i + 1);
    }
    expect(upperIncompleteGamma(a, x)).toBeCloseTo(sum, 11);
  };
  fc.assert(fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 90, noNaN: true }), holds));
});
