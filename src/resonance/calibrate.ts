import { calibrationQuality } from "./calibration-quality.ts";
import { toldByContext } from "./cold-start/context-offsets.ts";
import { fitContextPrior, type MapArrivals } from "./cold-start/fit-context-prior.ts";
import { fitCalibration } from "./fit-calibration.ts";
import { fitPlatt } from "./fit-platt.ts";
import type { HeldOutScores } from "./held-out-scores.ts";
import type { Calibration, FittedCalibration } from "./published-profiles.ts";
import type { SegmentMap } from "./segment-map.ts";

/**
 * Fits a map's calibration on held-out users, with the curves that its thresholds are chosen by.
 *
 * @param encoder - Version whose similarities the users were scored by.
 * @param members - How all members came, if that is known of any.
 */
export function calibrate(
  encoder: string,
  map: SegmentMap,
  heldOut: HeldOutScores,
  members?: MapArrivals,
): FittedCalibration {
  return withQuality(map, fitMap(encoder, map, heldOut, members), heldOut);
}

/** The parameters alone, fitted on some samples. */
export function fitMap(
  encoder: string,
  map: SegmentMap,
  heldOut: HeldOutScores,
  members?: MapArrivals,
): Calibration {
  const common = fitCalibration({ encoder, map: map.name }, heldOut);
  if (common.members === 0) return common;
  const fitted = heldOut.mode === "exclusive" ? common : { ...common, ...fitPlatt(common, heldOut) };
  const contextPrior = members === undefined ? undefined : fitContextPrior(map, fitted, heldOut, members);
  return contextPrior === undefined ? fitted : { ...fitted, contextPrior };
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
  const { slopes, prior, contextPrior, segments: _, quality: __, ...rest } = given;
  const calibration = {
    ...rest,
    ...(slopes === undefined ? {} : { slopes }),
    ...(prior === undefined ? {} : { prior }),
    ...(contextPrior === undefined ? {} : { contextPrior }),
    segments: map.segments.map(({ name }) => name),
  };
  if (calibration.members === 0) return calibration;
  const minEvidence = map.segments.map(({ threshold }) => (threshold ?? map.threshold).minEvidence);
  const told = toldByContext(calibration, heldOut);
  return { ...calibration, quality: calibrationQuality(calibration, told, minEvidence) };
}
