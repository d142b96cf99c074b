import { incompleteBeta, logGamma } from "./incomplete-beta.ts";

/**
 * The probability that a draw of Beta(a, b) is larger than an independent one of Beta(c, d).
 *
 * On the scale of log odds the integrand is smooth and vanishes at both ends, where a sum of evenly spaced values
 * converges faster than any power of their distance.
 *
 * @param a, b, c, d - > 0.
 * @returns In [0, 1], to about 1e-10.
 * @see Trefethen and Weideman, "The exponentially convergent trapezoidal rule", SIAM Review 2014.
 */
export function betaExceeds(a: number, b: number, c: number, d: number): number {
  // The narrower one is integrated over: on its scale the other's distribution function is smooth too.
  if (1 / a + 1 / b > 1 / c + 1 / d) return 1 - betaExceeds(c, d, a, b);
  const logBeta = logGamma(a) + logGamma(b) - logGamma(a + b);
  const middle = Math.log(a / b);
  // Where the density has fallen to nothing: its standard deviation is about this, its tails fall as exp(-a y), exp(-b y).
  const spread = Math.sqrt(1 / a + 1 / b);
  const step = spread / STEPS_A_DEVIATION;
  let sum = 0;
  for (const direction of [1, -1]) {
    for (let i = direction === 1 ? 0 : 1; i < STEPS_MAX; i++) {
      const y = middle + direction * i * step;
      // From the nearer end, or the digits that tell x from 1 would be lost.
      const below =
        y < 0
          ? incompleteBeta(1 / (1 + Math.exp(-y)), c, d)
          : 1 - incompleteBeta(1 / (1 + Math.exp(y)), d, c);
      const density = Math.exp(-a * Math.log1p(Math.exp(-y)) - b * Math.log1p(Math.exp(y)) - logBeta);
      sum += density * below;
      if (density * spread < NOTHING) break;
    }
  }
  return Math.min(1, sum * step);
}

const STEPS_A_DEVIATION = 8;
const STEPS_MAX = 10_000;
const NOTHING = 1e-14;
