import { gaussian, type Random } from "./random.ts";

/**
 * Draws from Gamma(shape, 1).
 *
 * @param shape - > 0.
 * @see Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 2000; below 1 their boost by a
 *   power of a uniform number.
 */
export function sampleGamma(shape: number, random: Random): number {
  if (shape < 1) return sampleGamma(shape + 1, random) * (1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = gaussian(random);
    const root = 1 + c * x;
    if (root <= 0) continue;
    const v = root * root * root;
    const u = 1 - random();
    if (u < 1 - 0.0331 * x * x * x * x) return d * v; // Most draws need no logarithm.
    if (Math.log(u) < 0.5 * x * x + d * (1 - v + Math.log(v))) return d * v;
  }
}

/** Draws from Beta(a, b): a share in [0, 1]. Both > 0. */
export function sampleBeta(a: number, b: number, random: Random): number {
  const x = sampleGamma(a, random);
  const y = sampleGamma(b, random);
  // With shapes far below 1 both may be too small for a number.
  return x + y > 0 ? x / (x + y) : a / (a + b);
}
