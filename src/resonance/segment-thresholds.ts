import { chooseThreshold } from "./choose-threshold.ts";
import { leaveThreshold } from "./hysteresis.ts";
import type { FittedCalibration } from "./published-profiles.ts";
import type { SegmentMap, ThresholdRule } from "./segment-map.ts";
import type { SegmentThreshold } from "./thresholds.ts";

/**
 * The thresholds of a map's segments under a calibration.
 *
 * @param fitted - Undefined while nothing was fitted for these segments.
 * @returns By segment; undefined if the map's own `enter` holds for all.
 */
export function segmentThresholds(
  map: SegmentMap,
  fitted: FittedCalibration | undefined,
): readonly SegmentThreshold[] | undefined {
  const rules = map.segments.map(({ threshold }) => threshold ?? map.threshold);
  if (rules.every((rule) => rule === map.threshold && "enter" in rule)) return undefined;
  return rules.map((rule, k) => thresholdOf(rule, k, { map, fitted }));
}

function thresholdOf(
  rule: ThresholdRule,
  segment: number,
  { map, fitted }: { readonly map: SegmentMap; readonly fitted: FittedCalibration | undefined },
): SegmentThreshold {
  const { minEvidence } = rule;
  if ("enter" in rule) return { enter: rule.enter, leave: leaveThreshold(rule.enter), minEvidence };
  const quality = fitted?.quality;
  const curve = quality?.curves[segment];
  // Under other shares the probabilities are others, and so is their precision.
  if (curve === undefined || quality?.prior !== (map.prior ?? "members"))
    return { enter: null, why: "not-fitted" };
  const chosen = chooseThreshold(curve, rule.precision, rule.confidence);
  if (chosen.kind === "off") return { enter: null, why: chosen.why };
  return { enter: chosen.enter, leave: leaveThreshold(chosen.enter), minEvidence };
}
