/**
 * How much better noise that is correlated between buckets would be than noise that is drawn for each by itself: what would be
 * gained by a banded mechanism, which the engine does not offer. It would have to keep exact sums for a band of buckets.
 *
 * @see Kalinin and Lampert 2024, theorem 2; Choquette-Choo et al. 2023; METHODS 1.4.
 */
export function bandedGain(cap: Readonly<{ contributions: number; buckets: number }>): number {
  const { contributions, buckets } = cap;
  const independent = Math.sqrt(contributions * buckets);
  let best = independent;
  for (let band = 1; band <= buckets; band++) best = Math.min(best, bandedError(band, cap));
  return independent / best;
}

/** Where the response to one contribution has died away. */
const HORIZON_WINDOWS = 64;

/**
 * Standard deviation of a window's sum under a banded mechanism, with noise of standard deviation 1 for one contribution of
 * length 1.
 *
 * @param band - Coefficients of the band, >= 1; 1 is independent noise.
 */
export function bandedError(
  band: number,
  { contributions, buckets }: Readonly<{ contributions: number; buckets: number }>,
): number {
  const coefficients = bandCoefficients(band);
  const inverse = inverseSeries(coefficients, HORIZON_WINDOWS * buckets);
  // The window's sum of the noise: a running sum of the inverse, less what has left the window.
  let squared = 0;
  let sum = 0;
  for (let k = 0; k < inverse.length; k++) {
    sum += inverse[k]! - (inverse[k - buckets] ?? 0);
    squared += sum * sum;
  }
  return Math.sqrt(squared * squaredSensitivity(coefficients, contributions));
}

/** The first coefficients of 1 / sqrt(1 - x): binom(2k, k) / 4^k. */
export function bandCoefficients(band: number): number[] {
  const coefficients = [1];
  for (let k = 1; k < band; k++) coefficients.push((coefficients[k - 1]! * (2 * k - 1)) / (2 * k));
  return coefficients;
}

/** The first coefficients of 1 / c(x). */
export function inverseSeries(coefficients: readonly number[], length: number): Float64Array {
  const inverse = new Float64Array(length);
  for (let k = 0; k < length; k++) {
    let value = k === 0 ? 1 : 0;
    for (let j = 1; j < coefficients.length && j <= k; j++) value -= coefficients[j]! * inverse[k - j]!;
    inverse[k] = value;
  }
  return inverse;
}

/** How far contributions to so many consecutive buckets, of length 1 each, move what is noised, squared. */
export function squaredSensitivity(coefficients: readonly number[], contributions: number): number {
  let squared = 0;
  for (let k = 0; k < coefficients.length + contributions - 1; k++) {
    let moved = 0;
    for (let i = 0; i < contributions; i++) moved += coefficients[k - i] ?? 0;
    squared += moved * moved;
  }
  return squared;
}
