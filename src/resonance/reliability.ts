/** One bin of a reliability curve: what was claimed, and what was so. */
export type ReliabilityBin = Readonly<{
  /** Mean probability that was told, in [0, 1]. */
  confidence: number;
  /** Share of those who did belong, in [0, 1]. */
  observed: number;
  n: number;
}>;

export const RELIABILITY_BINS = 15;

/**
 * Sorts claims into bins of as equal a number as can be, from the least to the most confident.
 *
 * @param claims - Probability and whether it was right, one each.
 * @see METHODS 2.4: confidence ECE with 15 equal-mass bins.
 */
export function reliabilityCurve(
  claims: readonly Readonly<{ probability: number; isRight: boolean }>[],
  bins = RELIABILITY_BINS,
): readonly ReliabilityBin[] {
  const sorted = claims.toSorted((a, b) => a.probability - b.probability);
  const sums = Array.from({ length: bins }, () => ({ claimed: 0, right: 0, n: 0 }));
  for (const [rank, { probability, isRight }] of sorted.entries()) {
    const bin = sums[Math.floor((rank / sorted.length) * bins)]!;
    bin.claimed += probability;
    bin.right += isRight ? 1 : 0;
    bin.n++;
  }
  return sums
    .filter(({ n }) => n > 0)
    .map(({ claimed, right, n }) => ({ confidence: claimed / n, observed: right / n, n }));
}

/** Expected calibration error: the mean gap between claimed and observed, by the number in each bin. */
export function gapOf(curve: readonly ReliabilityBin[]): number {
  let gap = 0;
  let all = 0;
  for (const { confidence, observed, n } of curve) {
    gap += n * Math.abs(confidence - observed);
    all += n;
  }
  return all === 0 ? 0 : gap / all;
}
