import type { FittedCalibration } from "./published-profiles.ts";
import type { SegmentMap } from "./segment-map.ts";

/** Whether a calibration was fitted for just these segments of this map. */
export function isFittedFor(fitted: FittedCalibration, map: SegmentMap): boolean {
  if (fitted.map !== map.name || fitted.intercepts.length !== map.segments.length) return false;
  return fitted.segments === undefined || map.segments.every(({ name }, k) => name === fitted.segments?.[k]);
}
