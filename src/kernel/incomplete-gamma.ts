import { logGamma } from "./incomplete-beta.ts";

/**
 * The regularised upper incomplete gamma function Q(a, x) = Gamma(a, x) / Gamma(a), small values to full relative precision.
 *
 * @param a - > 0.
 * @param x - >= 0.
 * @returns In [0, 1], to about 1e-13.
 * @see Press et al., "Numerical Recipes", 3rd ed., section 6.2 (series below a + 1, continued fraction above).
 */
export function upperIncompleteGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  if (x === Number.POSITIVE_INFINITY) return 0;
  return x < a + 1 ? 1 - lowerBySeries(a, x) : upperByFraction(a, x);
}

/** The regularised lower incomplete gamma function P(a, x) = 1 - Q(a, x), small values to full relative precision. */
export function lowerIncompleteGamma(a: number, x: number): number {
  if (x <= 0) return 0;
  if (x === Number.POSITIVE_INFINITY) return 1;
  return x < a + 1 ? lowerBySeries(a, x) : 1 - upperByFraction(a, x);
}

/**
 * The chance that a chi-square variable exceeds a value.
 *
 * @param statistic - >= 0.
 * @param degrees - Degrees of freedom, > 0.
 */
export function chiSquareTail(statistic: number, degrees: number): number {
  return upperIncompleteGamma(degrees / 2, statistic / 2);
}

const STEPS_MAX = 10_000;
const PRECISION = 1e-16;
/** Stands for a zero that would be divided by. */
const TINY = 1e-300;

/** x^a e^-x / Gamma(a), what both forms are multiplied with. */
function front(a: number, x: number): number {
  return Math.exp(a * Math.log(x) - x - logGamma(a));
}

function lowerBySeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n <= STEPS_MAX && term > sum * PRECISION; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * front(a, x);
}

function upperByFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let value = d;
  for (let n = 1; n <= STEPS_MAX; n++) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / awayFromZero(numerator * d + b);
    c = awayFromZero(b + numerator / c);
    value *= d * c;
    if (Math.abs(d * c - 1) < PRECISION) break;
  }
  return value * front(a, x);
}

function awayFromZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}
