import { normalCdf } from "../kernel/normal.ts";
import { bisectFalling } from "./bisect.ts";

/**
 * The least delta for which adding continuous Gaussian noise is (epsilon, delta)-differentially private: exact, where the
 * classic sqrt(2 ln(1.25 / delta)) / epsilon is a bound that holds for epsilon <= 1 only.
 *
 * @param epsilon - >= 0.
 * @param noise - Standard deviation and L2 sensitivity, in one unit, both > 0.
 * @returns In [0, 1].
 * @see Balle and Wang, "Improving the Gaussian Mechanism", ICML 2018, theorem 8.
 */
export function gaussianDelta(
  epsilon: number,
  { sigma, sensitivity }: Readonly<{ sigma: number; sensitivity: number }>,
): number {
  const half = sensitivity / (2 * sigma);
  const shift = (epsilon * sigma) / sensitivity;
  const missed = normalCdf(-half - shift);
  // e^epsilon alone may be too large for a double, where the product is not.
  const counted = missed === 0 ? 0 : Math.exp(epsilon + Math.log(missed));
  return Math.max(0, normalCdf(half - shift) - counted);
}

/**
 * The least standard deviation for which {@link gaussianDelta} is at most `delta`.
 *
 * @param sensitivity - L2, > 0.
 * @returns In the unit of the sensitivity.
 */
export function gaussianSigma(
  budget: Readonly<{ epsilon: number; delta: number }>,
  sensitivity: number,
): number {
  const deltaAt = (ratio: number): number => gaussianDelta(budget.epsilon, { sigma: ratio, sensitivity: 1 });
  return sensitivity * bisectFalling(deltaAt, budget.delta, { low: 0, high: 1 });
}

/**
 * The epsilon of a sequence of Gaussian releases whose sensitivities by their standard deviations have the squares
 * `squaredMu` when added up, at a given delta: exact for continuous noise.
 *
 * @see Dong, Roth, Su, "Gaussian Differential Privacy", 2022.
 */
export function gaussianEpsilon(squaredMu: number, delta: number): number {
  if (squaredMu <= 0) return 0;
  const sigma = 1 / Math.sqrt(squaredMu);
  const deltaAt = (epsilon: number): number => gaussianDelta(epsilon, { sigma, sensitivity: 1 });
  return deltaAt(0) <= delta ? 0 : bisectFalling(deltaAt, delta, { low: 0, high: 1 });
}
