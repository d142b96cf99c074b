import { expect, test } from "vitest";
import { ThresholdTally, thresholdReport } from "../../src/resonance/threshold-tally.ts";
import { readyThresholds } from "../../src/resonance/thresholds.ts";

const RULE = { precision: 0.9, confidence: 0.95, minEvidence: 1 };
const ON = { enter: 0.8, leave: 0.66, minEvidence: 2 };

test("who passes a threshold counts, and whether they belong; a segment that is off accepts nobody", () => {
  const tally = new ThresholdTally(readyThresholds(2, RULE, [ON, { enter: null, why: "not-fitted" }]));
  tally.add([0.8, 0.2], 2, 0);
  tally.add([0.9, 0.1], 5, 1);
  tally.add([0.9, 0.1], 1, 0); // Too little evidence.
  tally.add([0.0, 1.0], 9, 1);
  const report = thresholdReport([tally.counts()]);
  expect(report).toMatchObject({ users: 4, on: 1, accepted: 2, correct: 1, reach: 0.5 });
  expect(report.precision?.value).toBe(0.5);
  // One of two, METHODS' bound: Beta^-1(.05; 1, 2) and its mirror image.
  expect(report.precision?.lower).toBeCloseTo(1 - Math.sqrt(0.95), 9);
  expect(report.precision?.upper).toBeCloseTo(Math.sqrt(0.95), 9);
});

test("where nobody passes there is no precision", () => {
  const tally = new ThresholdTally(readyThresholds(1, RULE, undefined));
  tally.add([1], 9, 0);
  expect(thresholdReport([tally.counts()])).toMatchObject({ on: 0, reach: 0, precision: null });
});
