import fc from "fast-check";
import { expect, test } from "vitest";
import { betaQuantile, incompleteBeta, logGamma } from "../../src/kernel/incomplete-beta.ts";

test("the quantile is that of METHODS 4.6", () => {
  expect(betaQuantile(0.05, 91, 11)).toBeCloseTo(0.8378454281, 9);
});

test("ln Gamma is exact where it is known", () => {
  for (let n = 1, factorial = 1; n < 20; factorial *= n++)
    expect(logGamma(n)).toBeCloseTo(Math.log(factorial), 11);
  expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 12);
});

test("for whole numbers it is the upper tail of the binomial distribution", () => {
  const successes = fc.integer({ min: 1, max: 40 });
  const failures = fc.integer({ min: 0, max: 40 });
  const chance = fc.double({ min: 0.01, max: 0.99, noNaN: true });
  const holds = (k: number, rest: number, p: number): void => {
    const n = k + rest;
    let tail = 0;
    for (let i = k; i <= n; i++) {
      const ways = Math.exp(logGamma(n + 1) - logGamma(i + 1) - logGamma(n - i + 1));
      tail += ways * p ** i * (1 - p) ** (n - i);
    }
    expect(incompleteBeta(p, k, n - k + 1)).toBeCloseTo(tail, 9);
  };
  fc.assert(fc.property(successes, failures, chance, holds));
});

test("the quantile takes the distribution function back", () => {
  const shape = fc.double({ min: 0.5, max: 5_000, noNaN: true });
  const share = fc.double({ min: 0.001, max: 0.999, noNaN: true });
  const holds = (a: number, b: number, p: number): void => {
    expect(incompleteBeta(betaQuantile(p, a, b), a, b)).toBeCloseTo(p, 8);
  };
  fc.assert(fc.property(shape, shape, share, holds));
});
