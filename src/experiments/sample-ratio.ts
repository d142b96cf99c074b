import { assert } from "../kernel/assert.ts";
import { logGamma } from "../kernel/incomplete-beta.ts";
import { chiSquareTail } from "../kernel/incomplete-gamma.ts";

/**
 * How likely so uneven a split is, if units are assigned as they should be. For one look only: repeated, it alarms
 * ever more often. Use {@link sampleRatioEvidence} to watch.
 *
 * @param counts - Units of each arm.
 * @param weights - Shares of the arms, which sum to 1.
 * @returns In [0, 1]; 1 for less than two arms.
 */
export function sampleRatioPValue(counts: readonly number[], weights: readonly number[]): number {
  const total = sum(counts);
  if (counts.length < 2 || total === 0) return 1;
  let statistic = 0;
  for (const [arm, count] of counts.entries()) {
    const expected = total * weightAt(weights, arm);
    statistic += (count - expected) ** 2 / expected;
  }
  return chiSquareTail(statistic, counts.length - 1);
}

/**
 * Evidence against the split that was meant, as the log of an e-value: it may be looked at all the time, and the chance
 * that it ever exceeds log(1/alpha) is below alpha while units are assigned as they should be.
 *
 * @param counts - Units of each arm.
 * @param weights - Shares of the arms, which sum to 1.
 * @param concentration - How close to the weights the other splits are looked for: the prior counts so many units.
 * @see Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022; METHODS 4.3.
 */
export function sampleRatioEvidence(
  counts: readonly number[],
  weights: readonly number[],
  concentration = CONCENTRATION,
): number {
  const total = sum(counts);
  let logE = logGamma(concentration) - logGamma(concentration + total);
  for (const [arm, count] of counts.entries()) {
    const weight = weightAt(weights, arm);
    const prior = concentration * weight;
    logE += logGamma(prior + count) - logGamma(prior) - count * Math.log(weight);
  }
  return logE;
}

/** The log of 1,000, the evidence at which the split counts as broken: one false alarm in a thousand experiments at most. */
export const SAMPLE_RATIO_ALARM = Math.log(1_000);

const CONCENTRATION = 200;

function weightAt(weights: readonly number[], arm: number): number {
  const weight = weights[arm];
  assert(weight !== undefined, "every arm has a weight");
  return weight;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
