import { fewestTrials, lowerBound } from "./precision-bound.ts";
import { GRID_SIZE, gridThreshold, type PrecisionCurve } from "./precision-curve.ts";

/** Why a segment whose threshold is by precision has none. */
export type WhyOff =
  /** Nothing was fitted yet, for these segments and this prior. */
  | "not-fitted"
  /** Fewer held-out users than could prove the precision, even if all of them were right. */
  | "too-few-accepted"
  /** At no threshold that was tested the precision is proven. */
  | "precision-not-reached";

export type ChosenThreshold =
  | Readonly<{ kind: "on"; index: number; enter: number }>
  | Readonly<{ kind: "off"; why: Exclude<WhyOff, "not-fitted"> }>;

/** Accepted users from which on METHODS starts to test. */
const START_ACCEPTED = 100;

/**
 * The lowest threshold of the grid down to which the precision is proven: fixed-sequence testing. It walks down from a start
 * that the scores alone determine, and ends at the first threshold that fails, so that every test has the full confidence
 * without a correction for their number. Of those that pass, one that users of some length of history refute is not taken:
 * those who are well known must not make up for those who are new.
 *
 * @param target - Precision to be proven, in (0, 1).
 * @param confidence - Of each bound, in (0, 1).
 * @see METHODS 2.5; Angelopoulos et al., "Learn then Test", 2021.
 */
export function chooseThreshold(curve: PrecisionCurve, target: number, confidence: number): ChosenThreshold {
  const start = startOf(curve, target, confidence);
  if (start === undefined) return { kind: "off", why: "too-few-accepted" };
  let proven: number | undefined;
  for (let index = start; index >= 0; index--) {
    if (lowerBound(curve.correct[index]!, curve.accepted[index]!, confidence) < target) break;
    const isRefuted = (curve.ceiling?.[index] ?? 1) < target;
    if (!isRefuted) proven = index;
  }
  if (proven === undefined) return { kind: "off", why: "precision-not-reached" };
  return { kind: "on", index: proven, enter: gridThreshold(proven) };
}

/**
 * The largest threshold that accepts 100, if it would pass should the probabilities mean what they say. Else, so that rare
 * segments have a chance, the one where the bound would then be highest. Labels are not looked at.
 */
function startOf({ accepted }: PrecisionCurve, target: number, confidence: number): number | undefined {
  const fewest = fewestTrials(target, confidence);
  const expected = expectedCorrect(accepted);
  const bound = (index: number): number => lowerBound(expected[index]!, accepted[index]!, confidence);
  const hundred = accepted.findLastIndex((count) => count >= START_ACCEPTED);
  if (hundred >= 0 && bound(hundred) >= target) return hundred;
  let best: number | undefined;
  let highest = Number.NEGATIVE_INFINITY;
  for (let index = GRID_SIZE - 1; index >= 0; index--) {
    if (accepted[index]! < fewest) continue;
    const at = bound(index);
    if (at > highest) [best, highest] = [index, at];
  }
  return best;
}

/** How many of the accepted would be right if each had the probability in the middle of its step of the grid. */
function expectedCorrect(accepted: readonly number[]): Float64Array {
  const expected = new Float64Array(GRID_SIZE);
  const halfStep = gridThreshold(0) / 2;
  let sum = 0;
  for (let index = GRID_SIZE - 1; index >= 0; index--) {
    const inStep = accepted[index]! - (accepted[index + 1] ?? 0);
    sum += inStep * (gridThreshold(index) + halfStep);
    expected[index] = sum;
  }
  return expected;
}
