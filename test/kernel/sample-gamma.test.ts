import { expect, test } from "vitest";
import { incompleteBeta } from "../../src/kernel/incomplete-beta.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { sampleBeta, sampleGamma } from "../../src/kernel/sample-gamma.ts";

const DRAWS = 20_000;

test.for([0.1, 0.5, 1, 2.5, 20, 400])("Gamma(%d) has its mean and variance", (shape) => {
  const random = seededRandom(7);
  const draws = Array.from({ length: DRAWS }, () => sampleGamma(shape, random));
  const mean = draws.reduce((sum, x) => sum + x, 0) / DRAWS;
  const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / DRAWS;
  expect(Math.abs(mean - shape)).toBeLessThan(4 * Math.sqrt(shape / DRAWS));
  // The variance of a sample's variance is (mu4 - sigma^4) / n, with mu4 = 3 shape^2 + 6 shape.
  expect(Math.abs(variance - shape)).toBeLessThan(4 * Math.sqrt((2 * shape ** 2 + 6 * shape) / DRAWS));
});

test.for([
  [1, 19],
  [0.4, 0.7],
  [2.414213562, 20.414213562],
  [300, 900],
] as const)("Beta(%d, %d) has its distribution (Kolmogorov and Smirnov)", ([a, b]) => {
  const random = seededRandom(11);
  const draws = Float64Array.from({ length: DRAWS }, () => sampleBeta(a, b, random)).sort();
  let distance = 0;
  for (const [i, x] of draws.entries())
    distance = Math.max(distance, Math.abs(incompleteBeta(x, a, b) - (i + 0.5) / DRAWS));
  expect(distance * Math.sqrt(DRAWS)).toBeLessThan(1.95); // 99.9 % of samples are closer.
});

test("the same seed draws the same", () => {
  const draw = (seed: number) => {
    const random = seededRandom(seed);
    return Array.from({ length: 20 }, () => sampleBeta(3, 5, random));
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
});
