import { lowerIncompleteGamma, upperIncompleteGamma } from "./incomplete-gamma.ts";

/**
 * The complementary error function, to about 1e-13 relative, in the far tail too.
 *
 * @see METHODS 4.6, why not a library: one has Phi(-6) = .001.
 */
export function erfc(x: number): number {
  return x < 0 ? 1 + lowerIncompleteGamma(0.5, x * x) : upperIncompleteGamma(0.5, x * x);
}

/** The distribution function of the standard normal distribution. */
export function normalCdf(x: number): number {
  return erfc(-x / Math.SQRT2) / 2;
}

/** The density of the standard normal distribution. */
export function normalDensity(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/**
 * The quantile of the standard normal distribution.
 *
 * @param probability - In [0, 1]; 0 and 1 give the infinities.
 */
export function normalQuantile(probability: number): number {
  if (probability > 0.5) return -normalQuantile(1 - probability);
  if (probability <= 0) return Number.NEGATIVE_INFINITY;
  let x = -upperStart(probability);
  for (let step = 0; step < HALLEY_STEPS; step++) {
    // Halley's step: the second derivative of the distribution function is -x times the first.
    const error = (normalCdf(x) - probability) / normalDensity(x);
    x -= error / (1 + (x * error) / 2);
  }
  return x;
}

/** Each triples the digits; the start has three. */
const HALLEY_STEPS = 3;

/** The point that so small a probability lies above, within 4.5e-4. @see Abramowitz and Stegun, 26.2.23. */
function upperStart(probability: number): number {
  const t = Math.sqrt(-2 * Math.log(probability));
  const above = 2.515517 + t * (0.802853 + t * 0.010328);
  const below = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
  return t - above / below;
}
