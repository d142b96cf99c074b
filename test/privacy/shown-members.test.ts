import { expect, test } from "vitest";
import { normalQuantile } from "../../src/kernel/normal.ts";
import { COUNT_WEIGHT, SENSITIVITY } from "../../src/privacy/contribution.ts";
import { gaussianSigma } from "../../src/privacy/gaussian-mechanism.ts";
import { isShown, leastCount } from "../../src/privacy/shown-members.ts";
import { cosineOf, expectedCosine, lengthFor } from "../../src/privacy/utility.ts";

/** Of the worked example, by the analytic noise: METHODS 1.2f. */
const windowNoise = gaussianSigma({ epsilon: 1, delta: 1e-6 }, SENSITIVITY) * Math.sqrt(7) * Math.sqrt(7);
const rule = { minMembers: 20, contributions: 7, countNoise: windowNoise };

test("20 members a week take 140 contributions, and 165 more than the count's noise could make up", () => {
  expect(leastCount(rule)).toBeGreaterThan(140);
  expect(Math.round(leastCount({ ...rule, countNoise: 35.4597 }))).toBe(305);
});

/**
 * Segments are a public list, so their names need no threshold. Google's, for names that are made of data (METHODS 1.2f), in
 * contributions, each of 1.
 */
function thresholdOfNames({ sigma, delta }: Readonly<{ sigma: number; delta: number }>): number {
  return 1 + sigma * normalQuantile(1 - delta);
}

test("a member behind a public name is asked for more than a name made of data would be", () => {
  const delta = 0.022750131948; // Google's vector: two standard errors.
  expect(thresholdOfNames({ sigma: 1, delta })).toBeCloseTo(3, 9);
  for (const sigma of [0.1, 1, 10, 100]) {
    const least = leastCount({ minMembers: 1, contributions: 1, countNoise: sigma * COUNT_WEIGHT });
    expect(least).toBeGreaterThan(thresholdOfNames({ sigma, delta }));
    expect(least).toBeCloseTo(thresholdOfNames({ sigma, delta: 0.01 }), 1);
  }
});

test("a profile that is shown stays for a standard error below the limit, one that is not waits for the limit", () => {
  const limit = leastCount(rule);
  const error = rule.countNoise / 0.5;
  expect([limit, limit - 1].map((count) => isShown(count, false, rule))).toEqual([true, false]);
  expect([limit - error, limit - error - 1].map((count) => isShown(count, true, rule))).toEqual([
    true,
    false,
  ]);
});

test.for([
  [16, [39, 57, 133]],
  [32, [55, 81, 188]],
  [64, [78, 115, 265]],
] as const)("with %i dimensions a signal of %j gives cosines of .90, .95 and .99", ([dim, lengths]) => {
  const noise = gaussianSigma({ epsilon: 1, delta: 1e-6 }, SENSITIVITY);
  const found = [0.9, 0.95, 0.99].map((cosine) => Math.round(lengthFor(cosine, { dim, noise })));
  expect(found).toEqual(lengths);
  for (const length of lengths) expect(expectedCosine(dim, { noise, length })).toBeGreaterThan(0.89);
  expect(expectedCosine(dim, { noise, length: 0 })).toBe(0);
});

test("the cosine of a vector to itself is 1, to nothing 0", () => {
  expect(cosineOf([3, 4], [6, 8])).toBeCloseTo(1, 12);
  expect(cosineOf([3, 4], [0, 0])).toBe(0);
  expect(cosineOf([1, 0], [0, -2])).toBe(0);
});
