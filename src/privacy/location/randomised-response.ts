import { assert } from "../../kernel/assert.ts";

/**
 * Randomised responses, which hide one of k values (METHODS 1.6): whoever reports by them has local differential privacy of
 * epsilon, whatever becomes of the report.
 */
export type ResponseRates = Readonly<{
  /** Probability that the true value is reported. */
  p: number;
  /** Probability that a certain other value is. */
  q: number;
}>;

/**
 * Generalised randomised response: one value is reported, the true one most often.
 *
 * @param values - k >= 2.
 * @param epsilon - > 0.
 */
export function directRates(values: number, epsilon: number): ResponseRates {
  assert(values >= 2 && epsilon > 0, "there is something to hide, and something is told");
  const e = Math.exp(epsilon);
  return { p: e / (e + values - 1), q: 1 / (e + values - 1) };
}

/**
 * Optimised unary encoding: a bit a value is reported, each flipped by itself.
 *
 * @see Wang et al., "Locally Differentially Private Protocols for Frequency Estimation", USENIX Security 2017.
 */
export function unaryRates(epsilon: number): ResponseRates {
  return { p: 1 / 2, q: 1 / (Math.exp(epsilon) + 1) };
}

/** The number of values from which on unary encoding tells frequencies better than one value does: 3 e^epsilon + 2. */
export function unaryFrom(epsilon: number): number {
  return 3 * Math.exp(epsilon) + 2;
}

/**
 * The value that is reported directly.
 *
 * @param truth - In [0, values).
 * @param chance - Uniform in [0, 1).
 */
export function respondDirectly(truth: number, values: number, epsilon: number, chance: number): number {
  const { p, q } = directRates(values, epsilon);
  if (chance < p) return truth;
  const other = Math.min(values - 2, Math.floor((chance - p) / q));
  return other < truth ? other : other + 1;
}

/**
 * The bits that are reported in unary encoding; shape [values], 0 or 1.
 *
 * @param chances - Uniform in [0, 1), one a value.
 */
export function respondUnary(truth: number, epsilon: number, chances: readonly number[]): Uint8Array {
  const { p, q } = unaryRates(epsilon);
  return Uint8Array.from(chances, (chance, value) => (chance < (value === truth ? p : q) ? 1 : 0));
}

/**
 * How many of those who reported have a value, without bias.
 *
 * @param reports - Of them all.
 * @param counted - Those that name the value, or have its bit.
 */
export function estimateCount(reports: number, counted: number, { p, q }: ResponseRates): number {
  return (counted - reports * q) / (p - q);
}

/** Variance of a rare value's estimated share, times the number of reports: 4 e^epsilon / (e^epsilon - 1)^2 for unary encoding. */
export function estimateVariance({ p, q }: ResponseRates): number {
  return (q * (1 - q)) / (p - q) ** 2;
}
