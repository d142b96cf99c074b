import type { WhyOff } from "./choose-threshold.ts";
import { leaveThreshold } from "./hysteresis.ts";
import type { ThresholdRule } from "./segment-map.ts";

/** Where a segment starts and stops to resonate, or why it never does. */
export type SegmentThreshold =
  | Readonly<{ enter: number; leave: number; minEvidence: number }>
  | Readonly<{ enter: null; why: WhyOff }>;

/** The thresholds of a map by segment, as a fold reads them. One that is off can't be reached: it is infinite. */
export type Thresholds = Readonly<{
  /** Shape [segments], each. */
  enter: Float64Array;
  leave: Float64Array;
  minEvidence: Float64Array;
}>;

/**
 * Makes thresholds ready for a fold.
 *
 * @param rule - The map's, for segments that have none of their own. By precision, without any: off.
 */
export function readyThresholds(
  segments: number,
  rule: ThresholdRule,
  own: readonly SegmentThreshold[] | undefined,
): Thresholds {
  const enter = new Float64Array(segments).fill("enter" in rule ? rule.enter : OFF);
  const leave = new Float64Array(segments).fill("enter" in rule ? leaveThreshold(rule.enter) : OFF);
  const minEvidence = new Float64Array(segments).fill(rule.minEvidence);
  for (const [k, threshold] of (own ?? []).entries()) {
    const isOff = threshold.enter === null;
    enter[k] = isOff ? OFF : threshold.enter;
    leave[k] = isOff ? OFF : threshold.leave;
    if (!isOff) minEvidence[k] = threshold.minEvidence;
  }
  return { enter, leave, minEvidence };
}

/**
 * Whether a segment resonates after a new probability.
 *
 * @param evidence - Effective events; below the segment's `minEvidence` nothing starts to resonate.
 * @see METHODS 2.5.
 */
export function nextResonating(
  was: boolean,
  probability: number,
  evidence: number,
  { enter, leave, minEvidence }: Thresholds,
  segment: number,
): boolean {
  if (was) return probability >= leave[segment]!;
  return probability >= enter[segment]! && evidence >= minEvidence[segment]!;
}

/** Whether a segment's threshold is off. */
export function isOff({ enter }: Pick<Thresholds, "enter">, segment: number): boolean {
  return enter[segment] === OFF;
}

const OFF = Number.POSITIVE_INFINITY;
