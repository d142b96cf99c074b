import { lowerBound } from "./precision-bound.ts";
import { GRID_SIZE, gridThreshold, type PrecisionCurve } from "./precision-curve.ts";

/** What each threshold would be worth, for people: columns of equal length, thresholds rising. */
export type ServedCurve = Readonly<{
  threshold: readonly number[];
  /** Share of the held-out users who pass it: falls. */
  share: readonly number[];
  /** Share of those who belong to the segment, and the lower confidence bound of it. */
  precision: readonly number[];
  bound: readonly number[];
}>;

const DECIMALS = 1e4;

/**
 * A curve without the thresholds that nobody passes or that change nothing, thinned evenly.
 *
 * @param pointsMax - At most so many points, >= 2.
 */
export function servedCurve(
  { accepted, correct, votes }: PrecisionCurve,
  confidence: number,
  pointsMax: number,
): ServedCurve {
  const told: number[] = [];
  for (let index = 0; index < GRID_SIZE; index++)
    if (accepted[index]! > 0 && accepted[index] !== accepted[index + 1]) told.push(index);
  const kept = thinned(told, pointsMax);
  return {
    threshold: kept.map(gridThreshold),
    share: kept.map((index) => rounded(accepted[index]! / votes)),
    precision: kept.map((index) => rounded(correct[index]! / accepted[index]!)),
    bound: kept.map((index) => rounded(lowerBound(correct[index]!, accepted[index]!, confidence))),
  };
}

/** First and last stay. */
function thinned(indexes: readonly number[], most: number): readonly number[] {
  if (indexes.length <= most) return indexes;
  return Array.from(
    { length: most },
    (_, i) => indexes[Math.round((i * (indexes.length - 1)) / (most - 1))]!,
  );
}

function rounded(share: number): number {
  return Math.round(share * DECIMALS) / DECIMALS;
}
