import { calibrationQuality } from "./calibration-quality.ts";
import { fitCalibration } from "./fit-calibration.ts";
import { fitPlatt } from "./fit-platt.ts";
import type { HeldOutScores } from "./held-out-scores.ts";
import type { Calibration, FittedCalibration } from "./published-profiles.ts";
import type { SegmentMap } from "./segment-map.ts";

/**
 * Fits a map's calibration on held-out users, with the curves that its thresholds are chosen by.
 *
 * @param encoder - Version whose similarities the users were scored by.
 */
export function calibrate(encoder: string, map: SegmentMap, heldOut: HeldOutScores): FittedCalibration {
  return withQuality(map, fitMap(encoder, map, heldOut), heldOut);
}

/** The parameters alone, fitted on some samples. */
export function fitMap(encoder: string, map: SegmentMap, heldOut: HeldOutScores): Calibration {
  const fitted = fitCalibration({ encoder, map: map.name }, heldOut);
  if (heldOut.mode === "exclusive" || fitted.members === 0) return fitted;
  return { ...fitted, ...fitPlatt(fitted, heldOut) };
}

/**
 * A calibration with what held-out users say of it. Its fields are in an order of their own, wherever they come from: the same
 * calibration is stored as the same bytes.
 */
export function withQuality(
  map: SegmentMap,
  given: FittedCalibration,
  heldOut: HeldOutScores,
): FittedCalibration {
  const { slopes, prior, segments: _, quality: __, ...rest } = given;
  const calibration = {
    ...rest,
    ...(slopes === undefined ? {} : { slopes }),
    ...(prior === undefined ? {} : { prior }),
    segments: map.segments.map(({ name }) => name),
  };
  if (calibration.members === 0) return calibration;
  const minEvidence = map.segments.map(({ threshold }) => (threshold ?? map.threshold).minEvidence);
  return { ...calibration, quality: calibrationQuality(calibration, heldOut, minEvidence) };
}
