/** An estimate with its standard error. */
export type Estimate = Readonly<{ value: number; standardError: number }>;

/** Both ends of an interval. */
export type Interval = Readonly<{ lower: number; upper: number }>;

/** All real numbers: what an interval is before anything is known. */
export const EVERYTHING: Interval = { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY };

/**
 * An interval that holds the truth at all times together with a chance of 1 - alpha, however often one looks and
 * whenever one stops.
 *
 * @param units - Units of both arms behind the estimate, > 0.
 * @param options.alpha - In (0, 0.5].
 * @param options.plannedUnits - The number of units at which the interval is to be narrowest, > 0; fixed before the start.
 * @see Waudby-Smith et al., "Time-uniform central limit theory and asymptotic confidence sequences", arXiv:2103.06476;
 * METHODS 4.4.
 */
export function confidenceSequence(
  estimate: Estimate,
  units: number,
  options: Readonly<{ alpha: number; plannedUnits: number }>,
): Interval {
  const rho = mixtureScale(options);
  const spread = units * rho ** 2 + 1;
  const width = Math.sqrt((2 * spread * Math.log(Math.sqrt(spread) / options.alpha)) / (units * rho) ** 2);
  const halfWidth = estimate.standardError * Math.sqrt(units) * width;
  return { lower: estimate.value - halfWidth, upper: estimate.value + halfWidth };
}

/**
 * The smallest alpha at which the sequence would leave 0 out now; valid at any time, as the interval is.
 *
 * @returns In (0, 1].
 */
export function sequentialPValue(
  estimate: Estimate,
  units: number,
  options: Readonly<{ alpha: number; plannedUnits: number }>,
): number {
  const rho = mixtureScale(options);
  const spread = units * rho ** 2 + 1;
  const z = estimate.value / estimate.standardError;
  const logE = (rho ** 2 * units * z ** 2) / (2 * spread) - Math.log(spread) / 2;
  return Math.min(1, Math.exp(-logE));
}

/** rho: the scale of the mixture that makes the sequence narrowest at the planned number of units. */
export function mixtureScale({
  alpha,
  plannedUnits,
}: Readonly<{ alpha: number; plannedUnits: number }>): number {
  const doubled = -2 * Math.log(alpha);
  return Math.sqrt((doubled + Math.log(doubled + 1)) / plannedUnits);
}

/** What both intervals hold. Of a sequence that never misses the truth, so does what all of them hold. */
export function intersect(a: Interval, b: Interval): Interval {
  return { lower: Math.max(a.lower, b.lower), upper: Math.min(a.upper, b.upper) };
}
