import { betaQuantile } from "../kernel/incomplete-beta.ts";

/**
 * One-sided lower confidence bound of a share, exact for any number of trials.
 *
 * @param correct - Successes, in [0, trials].
 * @param confidence - In (0, 1), such as 0.95.
 * @returns 0 without a success.
 * @see Clopper and Pearson, Biometrika 1934; METHODS 2.5.
 */
export function lowerBound(correct: number, trials: number, confidence: number): number {
  return correct === 0 ? 0 : betaQuantile(1 - confidence, correct, trials - correct + 1);
}

/** One-sided upper confidence bound of a share, likewise. */
export function upperBound(correct: number, trials: number, confidence: number): number {
  return 1 - lowerBound(trials - correct, trials, confidence);
}

/** Fewest trials whose lower bound reaches the target if all of them succeed: 29 for .90, 59 for .95, at 95 %. */
export function fewestTrials(target: number, confidence: number): number {
  return Math.ceil(Math.log(1 - confidence) / Math.log(target));
}
