import fc from "fast-check";
import { expect, test } from "vitest";
import type { LabelledLedger } from "../../src/content/feedback-trust.ts";
import { softmaxInPlace } from "../../src/embedding/softmax.ts";
import { gaussian, seededRandom } from "../../src/kernel/random.ts";
import { fitFeedbackWeight, WEIGHT_MIN } from "../reference/fit-feedback-weight.ts";

/** Members whose segments are drawn as if their ledgers deserved this weight. */
function examplesOf(weight: number, count = 20_000): LabelledLedger[] {
  const random = seededRandom(5);
  return Array.from({ length: count }, () => {
    const logits = Float64Array.from({ length: 4 }, () => gaussian(random));
    const offsets = Float64Array.from({ length: 4 }, () => 1.5 * gaussian(random));
    const probabilities = logits.map((logit, k) => logit + weight * offsets[k]!);
    softmaxInPlace(probabilities);
    let left = random();
    let truth = 0;
    while (truth < 3 && left >= probabilities[truth]!) left -= probabilities[truth++]!;
    return { logits, offsets, truth };
  });
}

test.for([0.2, 0.5, 0.9])("the weight that the world has is found: %d", (weight) => {
  const fitted = fitFeedbackWeight(examplesOf(weight));
  expect(fitted.weight).toBeCloseTo(weight, 1);
  expect(fitted.logLoss).toBeLessThan(fitted.logLossWithout);
});

test("feedback is never believed more than it says, nor quite forgotten", () => {
  expect(fitFeedbackWeight(examplesOf(2)).weight).toBe(1);
  expect(fitFeedbackWeight(examplesOf(-1)).weight).toBeCloseTo(WEIGHT_MIN, 6);
});

test("a few members change nothing", () => {
  const few = fc.integer({ min: 0, max: 99 });
  const holds = (count: number): void => {
    expect(fitFeedbackWeight(examplesOf(0.2, count)).weight).toBe(1);
  };
  fc.assert(fc.property(few, holds));
});
