import type { Calibration } from "./published-profiles.ts";

/** Upper ends of the bins of history length, in effective events (METHODS 2.3). */
export const DEPTH_ENDS = [2, 5, 10, 25, Number.POSITIVE_INFINITY] as const;
/**
 * Inverse temperatures before anything was fitted: rising with evidence, and cautious, since nothing says yet how far
 * a similarity can be trusted. A similarity of 0.5 moves the odds by 16 % after one event and by 57 % after thirty.
 */
const CAUTIOUS_KAPPA = [0.3, 0.45, 0.6, 0.75, 0.9] as const;

/** The calibration that serves until held-out members can tell a better one. */
export function defaultCalibration(encoder: string, map: string, segments: number): Calibration {
  return {
    encoder,
    map,
    depthEnds: [...DEPTH_ENDS],
    kappa: [...CAUTIOUS_KAPPA],
    intercepts: Array.from({ length: segments }, () => 0),
    noneIntercept: 0,
    members: 0,
  };
}
