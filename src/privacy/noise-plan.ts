import type { MapPrivacy, SegmentMap } from "../resonance/segment-map.ts";
import type { Budget } from "./budget-ledger.ts";
import { CONTRIBUTION_GRID, SENSITIVITY, SQUARED_SENSITIVITY_UNITS } from "./contribution.ts";
import { gaussianEpsilon } from "./gaussian-mechanism.ts";
import { zcdpEpsilon, zcdpRho } from "./zcdp.ts";

/** How much noise a map's buckets get, and what that spends. */
export type NoisePlan = Readonly<{
  /** What all releases that one user contributes to within a window may cost, zCDP. */
  budget: Budget;
  /** Cost of one release of one bucket to a user who contributed to it. */
  rho: number;
  /** Standard deviation of the noise on each coordinate of a bucket's sums, in units of the grid: a whole number. */
  sigmaUnits: number;
  /** The same in units of contributions' length. */
  sigma: number;
}>;

/**
 * The noise of a private map: enough that a user's contributions to the buckets of a window, and to so many versions of
 * their sums, together keep to epsilon and delta.
 *
 * @see METHODS 1.2d; Canonne, Kamath, Steinke 2020, theorem 14.
 */
export function noisePlan(privacy: MapPrivacy, window: SegmentMap["window"]): NoisePlan {
  const rho = zcdpRho(privacy);
  const share = rho / (privacy.contributions * privacy.versions);
  // Rounded up: the noise is never less than what the budget was worked out with.
  const sigmaUnits = Math.ceil(Math.sqrt(SQUARED_SENSITIVITY_UNITS / (2 * share)));
  return {
    budget: { rho, windowMs: window.bucketMs * window.buckets },
    rho: SQUARED_SENSITIVITY_UNITS / (2 * sigmaUnits ** 2),
    sigmaUnits,
    sigma: sigmaUnits * CONTRIBUTION_GRID,
  };
}

/** What so much zCDP means at a delta: by the bound that the budget is kept by, and exactly for continuous noise. */
export function epsilonsOf(rho: number, delta: number): Readonly<{ bound: number; exact: number }> {
  return { bound: zcdpEpsilon(rho, delta), exact: gaussianEpsilon(2 * rho, delta) };
}

/** Epsilon of a user who contributed to so many buckets, each released once, by the exact Gaussian. */
export function lifetimeEpsilon(buckets: number, sigma: number, delta: number): number {
  return gaussianEpsilon(buckets * (SENSITIVITY / sigma) ** 2, delta);
}
