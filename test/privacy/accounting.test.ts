import fc from "fast-check";
import { expect, test } from "vitest";
import { SENSITIVITY } from "../../src/privacy/contribution.ts";
import { gaussianDelta, gaussianEpsilon, gaussianSigma } from "../../src/privacy/gaussian-mechanism.ts";
import { epsilonsOf, lifetimeEpsilon, noisePlan } from "../../src/privacy/noise-plan.ts";
import { rhoOfGaussian, zcdpDelta, zcdpEpsilon, zcdpRho } from "../../src/privacy/zcdp.ts";
import type { MapPrivacy } from "../../src/resonance/segment-map.ts";

const DAY_MS = 86_400_000;
const WEEK = { bucketMs: DAY_MS, buckets: 7 };

/** Vectors of Google's differential-privacy and of METHODS 1.3. */
test.for([
  [0.1, 10, 1, 0.00875176814581],
  [Math.log(3), 10, 5, 0.004159742234],
  [0, 0.5, 1, 0.6826894921370859],
  [Math.log(3), 1, 1, 0.10985556344445],
] as const)("delta at epsilon %f, sigma %f, sensitivity %f is %f", ([epsilon, sigma, sensitivity, delta]) => {
  expect(gaussianDelta(epsilon, { sigma, sensitivity })).toBeCloseTo(delta, 11);
});

test.for([
  [0.1, 1e-5, 30.749566132],
  [0.5, 1e-6, 8.057618481],
  [1, 1e-5, 3.730631635],
  [1, 1e-6, 4.224678889],
  [1, 1e-9, 5.495266157],
  [2, 1e-6, 2.230476271],
  [4, 1e-6, 1.193518587],
  [8, 1e-6, 0.652935384],
] as const)("the least sigma for epsilon %f and delta %f is %f", ([epsilon, delta, sigma]) => {
  expect(gaussianSigma({ epsilon, delta }, 1)).toBeCloseTo(sigma, 8);
});

/** The classic sqrt(2 ln(1.25 / delta)) / epsilon, which the engine must not use: METHODS 1.3. */
const classicSigma = (epsilon: number, delta: number): number =>
  Math.sqrt(2 * Math.log(1.25 / delta)) / epsilon;

test.for([
  [0.1, 1e-5, 48.448053],
  [0.5, 1e-6, 10.597605],
  [1, 1e-5, 4.844805],
  [1, 1e-6, 5.298803],
  [1, 1e-9, 6.472466],
  [2, 1e-6, 2.649401],
  [4, 1e-6, 1.324701],
  [8, 1e-6, 0.66235],
] as const)(
  "for epsilon %f and delta %f the classic formula would take %f: more noise for nothing",
  (vector) => {
    const [epsilon, delta, classic] = vector;
    expect(classicSigma(epsilon, delta)).toBeCloseTo(classic, 5);
    expect(gaussianSigma({ epsilon, delta }, 1)).toBeLessThan(classic);
  },
);

test("beyond its range the classic formula breaks its promise, ours does not", () => {
  for (const epsilon of [9, 10, 20]) {
    const budget = { epsilon, delta: 1e-6 };
    expect(gaussianDelta(epsilon, { sigma: classicSigma(epsilon, 1e-6), sensitivity: 1 })).toBeGreaterThan(
      1e-6,
    );
    const sigma = gaussianSigma(budget, 1);
    expect(gaussianDelta(epsilon, { sigma, sensitivity: 1 })).toBeLessThanOrEqual(1e-6);
  }
});

test("sigma takes delta back", () => {
  const delta = gaussianDelta(0.5, { sigma: 15, sensitivity: 10 });
  expect(gaussianSigma({ epsilon: 0.5, delta }, 10)).toBeCloseTo(15, 9);
});

test("zCDP gives OpenDP's deltas", () => {
  expect(zcdpDelta(0.05, 0.25)).toBeCloseTo(8.17727531036956e-2, 12);
  expect(zcdpDelta(0.5, 0)).toBeCloseTo(0.5588356393474, 12);
});

test.for([
  [0.5, 0.00664152, 8.676631],
  [1, 0.02435597, 4.530877],
  [2, 0.08815269, 2.381591],
  [4, 0.31106495, 1.267825],
] as const)("epsilon %f at delta 1e-6 leaves rho %f, which is a sigma of %f", ([epsilon, rho, sigma]) => {
  const found = zcdpRho({ epsilon, delta: 1e-6 });
  expect(found).toBeCloseTo(rho, 8);
  expect(1 / Math.sqrt(2 * found)).toBeCloseTo(sigma, 5);
  expect(rhoOfGaussian({ sigma: 1 / Math.sqrt(2 * found), sensitivity: 1 })).toBeCloseTo(found, 12);
});

test.for([
  [0.001, 0.182895, 0.167944],
  [0.01, 0.621693, 0.575055],
  [0.1, 2.141939, 1.994527],
  [0.5, 5.221534, 4.886554],
  [1, 7.766217, 7.286081],
] as const)("rho %f at delta 1e-6 is epsilon %f by the bound and %f exactly", ([rho, bound, exact]) => {
  const epsilons = epsilonsOf(rho, 1e-6);
  expect(epsilons.bound).toBeCloseTo(bound, 5);
  expect(epsilons.exact).toBeCloseTo(exact, 5);
});

test("the conversion that is used lies between the exact Gaussian and the loose one of textbooks", () => {
  const loose = (rho: number, delta: number): number => rho + 2 * Math.sqrt(rho * Math.log(1 / delta));
  expect(loose(0.1, 1e-6)).toBeCloseTo(2.450788, 6);
  const holds = (rho: number, exponent: number): void => {
    const { bound, exact } = epsilonsOf(rho, 10 ** -exponent);
    expect(exact).toBeLessThanOrEqual(bound);
    expect(bound).toBeLessThan(loose(rho, 10 ** -exponent));
  };
  const someRho = fc.double({ min: 1e-4, max: 5, noNaN: true });
  fc.assert(fc.property(someRho, fc.integer({ min: 2, max: 15 }), holds), { numRuns: 100 });
});

test("the worked example: epsilon 1 and delta 1e-6 a user and week, contributing every day", () => {
  const plan = noisePlan(aPrivacy(), WEEK);
  expect(plan.sigmaUnits).toBe(54_897);
  expect(plan.sigma).toBeCloseTo(13.4025, 3);
  expect(plan.rho).toBeCloseTo(0.00347942, 7);
  expect(plan.sigma * Math.sqrt(7)).toBeCloseTo(35.4597, 2);
  expect(plan.budget).toEqual({ rho: zcdpRho({ epsilon: 1, delta: 1e-6 }), windowMs: 7 * DAY_MS });
});

test.for([
  [1, 0.3523],
  [7, 1],
  [30, 2.2047],
  [365, 9.1094],
] as const)("over a life of %i active days the analytic noise of the example costs %f", ([days, epsilon]) => {
  const sigma = gaussianSigma({ epsilon: 1, delta: 1e-6 }, SENSITIVITY) * Math.sqrt(7);
  expect(sigma).toBeCloseTo(12.4968, 3);
  expect(lifetimeEpsilon(days, sigma, 1e-6)).toBeCloseTo(epsilon, 3);
});

test("sigma grows as epsilon and delta shrink and as the sensitivity grows", () => {
  const someBudget = fc.record({
    epsilon: fc.double({ min: 0.05, max: 12, noNaN: true }),
    delta: fc.double({ min: 1e-9, max: 1e-2, noNaN: true }),
  });
  const someFactor = fc.double({ min: 1.05, max: 4, noNaN: true });
  const holds = (budget: { epsilon: number; delta: number }, factor: number): void => {
    const { epsilon, delta } = budget;
    const sigma = gaussianSigma(budget, 1);
    expect(gaussianSigma({ epsilon: epsilon * factor, delta }, 1)).toBeLessThan(sigma);
    expect(gaussianSigma({ epsilon, delta: Math.min(0.5, delta * factor) }, 1)).toBeLessThan(sigma);
    expect(gaussianSigma(budget, factor)).toBeGreaterThan(sigma);
    const rho = zcdpRho(budget);
    expect(zcdpRho({ epsilon: epsilon * factor, delta })).toBeGreaterThan(rho);
    expect(zcdpRho({ epsilon, delta: Math.min(0.5, delta * factor) })).toBeGreaterThan(rho);
  };
  fc.assert(fc.property(someBudget, someFactor, holds), { numRuns: 100 });
});

test("what a conversion promises holds: neither way of accounting is below its delta", () => {
  const holds = (epsilon: number, exponent: number): void => {
    const delta = 10 ** -exponent;
    expect(zcdpDelta(zcdpRho({ epsilon, delta }), epsilon)).toBeLessThanOrEqual(delta);
    const rho = zcdpRho({ epsilon, delta });
    expect(zcdpEpsilon(rho, delta)).toBeCloseTo(epsilon, 6);
    // The bound for discrete noise is never better than what is exact for continuous noise.
    expect(gaussianEpsilon(2 * rho, delta)).toBeLessThanOrEqual(epsilon);
    expect(1 / Math.sqrt(2 * rho)).toBeGreaterThanOrEqual(gaussianSigma({ epsilon, delta }, 1));
  };
  fc.assert(
    fc.property(fc.double({ min: 0.05, max: 10, noNaN: true }), fc.integer({ min: 2, max: 10 }), holds),
    {
      numRuns: 100,
    },
  );
});

test("more contributions, and more versions, share the budget", () => {
  const sigmaOf = (given: Partial<MapPrivacy>) => noisePlan(aPrivacy(given), WEEK).sigma;
  expect(sigmaOf({ contributions: 1 }) * Math.sqrt(7)).toBeCloseTo(sigmaOf({}), 2);
  expect(sigmaOf({ versions: 2 })).toBeCloseTo(sigmaOf({}) * Math.SQRT2, 2);
});

function aPrivacy(given: Partial<MapPrivacy> = {}): MapPrivacy {
  const budget = { epsilon: 1, delta: 1e-6, contributions: 7, versions: 1 };
  return { ...budget, minMembers: 20, graceMs: 0, closedBy: "clock", ...given };
}
