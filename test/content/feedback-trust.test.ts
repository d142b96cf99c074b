import { expect, test } from "vitest";
import {
  addTrustLosses,
  fittedTrust,
  type LabelledLedger,
  NO_TRUST_SUMS,
  TRUST_GRID,
  trustLosses,
} from "../../src/content/feedback-trust.ts";
import { softmaxInPlace } from "../../src/embedding/softmax.ts";
import { gaussian, seededRandom } from "../../src/kernel/random.ts";
import { fitFeedbackWeight } from "../reference/fit-feedback-weight.ts";

/** Members whose segments are drawn as if their ledgers deserved this weight. */
function examplesOf(weight: number, count = 10_000): LabelledLedger[] {
  const random = seededRandom(5);
  return Array.from({ length: count }, () => {
    const logits = Float64Array.from({ length: 4 }, () => gaussian(random));
    const offsets = Float64Array.from({ length: 4 }, () => 1.5 * gaussian(random));
    const probabilities = logits.map((logit, k) => logit + weight * (offsets[k] ?? 0));
    softmaxInPlace(probabilities);
    let left = random();
    let truth = 0;
    while (truth < 3 && left >= (probabilities[truth] ?? 1)) left -= probabilities[truth++] ?? 1;
    return { logits, offsets, truth };
  });
}

const fittedOn = (examples: readonly LabelledLedger[]): number | undefined =>
  fittedTrust(examples.reduce((sums, one) => addTrustLosses(sums, trustLosses(one)), NO_TRUST_SUMS));

test.each([0.2, 0.5, 0.9])(
  "sums over all shards come to the weight that the examples themselves are fitted to: %d",
  (weight) => {
    const examples = examplesOf(weight);
    const fitted = fittedOn(examples);
    expect(Math.abs((fitted ?? 9) - fitFeedbackWeight(examples).weight)).toBeLessThanOrEqual(0.05 + 1e-9);
    expect(TRUST_GRID).toContain(fitted);
  },
);

test("of a few examples nothing is fitted", () => {
  expect(fittedOn(examplesOf(0.5, 99))).toBeUndefined();
  expect(fittedOn(examplesOf(0.5, 100))).toBeDefined();
});

test("beyond a number of examples older ones count less", () => {
  const losses = TRUST_GRID.map(() => 1);
  const many = { examples: 50_000, losses: TRUST_GRID.map(() => 50_000) };
  expect(addTrustLosses(many, losses)).toEqual({ examples: 25_001, losses: TRUST_GRID.map(() => 25_001) });
});
