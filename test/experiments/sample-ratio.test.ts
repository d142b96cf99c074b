import fc from "fast-check";
import { expect, test } from "vitest";
import {
  SAMPLE_RATIO_ALARM,
  sampleRatioEvidence,
  sampleRatioPValue,
} from "../../src/experiments/sample-ratio.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { expectWithin } from "../kernel/relative.ts";

const HALVES = [0.5, 0.5];

// Published with GrowthBook's tests (METHODS 4.3).
test.for([
  [[1_000, 1_200], HALVES, 0.000020079],
  [[135, 115], HALVES, 0.205903211],
  [[310, 98], [0.75, 0.25], 0.647434186],
  [[1_000], [1], 1],
] as [number[], number[], number][])("units %j of shares %j: p = %f", ([counts, weights, expected]) => {
  expectWithin(sampleRatioPValue(counts, weights), expected, 3e-5);
});

test.for([
  [[1_000, 1_200], 200, 7.10289144],
  [[135, 115], 200, 0.039421428],
  [[5_000, 5_200], 200, -0.053467385],
  [[1_000, 1_200], 2, 5.476668672],
  [[135, 115], 2, -1.740277301],
  [[5_000, 5_200], 2, -2.428635954],
] as [number[], number, number][])("units %j, prior of %d units: log E = %f", ([counts, prior, expected]) => {
  expectWithin(sampleRatioEvidence(counts, HALVES, prior), expected, 1e-7);
});

test("before the first unit there is no evidence", () => {
  expect(sampleRatioEvidence([0, 0], HALVES)).toBeCloseTo(0, 12);
  expect(sampleRatioPValue([0, 0], HALVES)).toBe(1);
});

test("the next unit multiplies the evidence by 1 on average, which is what makes it valid at all times", () => {
  const share = fc.double({ min: 0.05, max: 0.95, noNaN: true });
  const holds = (a: number, b: number, weight: number): void => {
    const weights = [weight, 1 - weight];
    const now = sampleRatioEvidence([a, b], weights);
    const next = [
      [a + 1, b],
      [a, b + 1],
    ].map((counts) => Math.exp(sampleRatioEvidence(counts, weights) - now));
    expect(weight * next[0]! + (1 - weight) * next[1]!).toBeCloseTo(1, 6);
  };
  fc.assert(fc.property(fc.nat(2_000), fc.nat(2_000), share, holds));
});

test("1,000 clean runs of 200 looks raise 2 alarms at most, where a repeated chi-square raises many more", () => {
  let [alarms, ofChiSquare] = [0, 0];
  for (let run = 0; run < 1_000; run++) {
    const watched = watchSplit(seededRandom(run), { looks: 200, unitsALook: 50, lost: 0 });
    alarms += Number(watched.alarmAt !== undefined);
    ofChiSquare += Number(watched.chiSquareAlarms > 0);
  }
  expect(alarms).toBeLessThanOrEqual(2);
  expect(ofChiSquare).toBeGreaterThan(5);
});

test("an arm that loses 1 % of its units is found", () => {
  const { alarmAt } = watchSplit(seededRandom(7), { looks: 400, unitsALook: 10_000, lost: 0.01 });
  expect(alarmAt).toBeDefined();
});

/** Two equal arms, of which the second loses some of its units before they are counted. */
function watchSplit(
  random: () => number,
  { looks, unitsALook, lost }: Readonly<{ looks: number; unitsALook: number; lost: number }>,
): Readonly<{ alarmAt: number | undefined; chiSquareAlarms: number }> {
  const counts = [0, 0];
  const kept = 0.5 + 0.5 * lost;
  let chiSquareAlarms = 0;
  for (let look = 0; look < looks; look++) {
    for (let unit = 0; unit < unitsALook; unit++) {
      const u = random();
      if (u < 0.5) counts[0]! += 1;
      else if (u >= kept) counts[1]! += 1;
    }
    chiSquareAlarms += Number(sampleRatioPValue(counts, HALVES) < 0.001);
    if (sampleRatioEvidence(counts, HALVES) > SAMPLE_RATIO_ALARM) return { alarmAt: look, chiSquareAlarms };
  }
  return { alarmAt: undefined, chiSquareAlarms };
}
