import type { HeldOutScores } from "./held-out-scores.ts";
import type { Calibration } from "./published-profiles.ts";
import { kappaAt } from "./scorer.ts";

/** A sigmoid a segment: the factor of the common inverse temperature, and what is added to the log odds. */
export type Sigmoids = Readonly<{ slopes: readonly number[]; intercepts: readonly number[] }>;

/** A slope of nearly 0 says that the segment can't be told; 0 itself would make its similarity unreadable. */
export const SLOPE_MIN = 0.05;
const SLOPE_MAX = 5;
/** What is known before a user is seen: standard deviations of slopes around 1 and of intercepts around 0. */
const SLOPE_DEVIATION = 0.5;
const INTERCEPT_DEVIATION = 1;
const ROUNDS_MAX = 50;
const CONVERGED = 1e-6;
const STEP_MAX = 1;

/**
 * Fits one sigmoid for each segment of an independent map, by penalised likelihood: a segment with few members keeps
 * nearly what all have in common, one with many gets its own slope and intercept.
 *
 * @param calibration - Whose inverse temperatures by depth the slopes multiply.
 * @see Platt, "Probabilistic Outputs for Support Vector Machines", 1999; METHODS 2.4.
 */
export function fitPlatt(calibration: Calibration, heldOut: HeldOutScores): Sigmoids {
  const { segments, users, evidence } = heldOut;
  const samplesOf = new Map<number, number>();
  for (const user of users) samplesOf.set(user, (samplesOf.get(user) ?? 0) + 1);
  const material: Material = {
    ...heldOut,
    weights: Float64Array.from(users, (user) => 1 / samplesOf.get(user)!),
    kappas: Float64Array.from(evidence, (events) => kappaAt(calibration, events)),
  };
  const fitted = Array.from({ length: segments }, (_, k) => fitSegment(material, k));
  return { slopes: fitted.map(({ slope }) => slope), intercepts: fitted.map(({ intercept }) => intercept) };
}

type Material = HeldOutScores &
  Readonly<{
    /** The samples of a user sum to 1: they lean the same way. Shape [samples]. */
    weights: Float64Array;
    kappas: Float64Array;
  }>;

function fitSegment(material: Material, k: number): { slope: number; intercept: number } {
  let slope = 1;
  let intercept = 0;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const { gradient, curvature } = derivatives(material, k, slope, intercept);
    const determinant = curvature[0] * curvature[2] - curvature[1] ** 2;
    const bySlope = (curvature[2] * gradient[0] - curvature[1] * gradient[1]) / determinant;
    const byIntercept = (curvature[0] * gradient[1] - curvature[1] * gradient[0]) / determinant;
    const scale = Math.min(1, STEP_MAX / Math.max(Math.abs(bySlope), Math.abs(byIntercept), 1e-12));
    slope = Math.min(SLOPE_MAX, Math.max(SLOPE_MIN, slope + scale * bySlope));
    intercept += scale * byIntercept;
    if (Math.max(Math.abs(bySlope), Math.abs(byIntercept)) < CONVERGED) break;
  }
  return { slope, intercept };
}

/** Of the penalised log-likelihood: gradient by slope and intercept, and the negative Hessian's three numbers. */
function derivatives(
  { segments, labels, similarities, logPriors, evidence, weights, kappas }: Material,
  k: number,
  slope: number,
  intercept: number,
): { gradient: [number, number]; curvature: [number, number, number] } {
  const gradient: [number, number] = [
    (1 - slope) / SLOPE_DEVIATION ** 2,
    -intercept / INTERCEPT_DEVIATION ** 2,
  ];
  const curvature: [number, number, number] = [1 / SLOPE_DEVIATION ** 2, 0, 1 / INTERCEPT_DEVIATION ** 2];
  for (let sample = 0; sample < labels.length; sample++) {
    const trust = Math.min(1, evidence[sample]!);
    const x = trust * kappas[sample]! * similarities[sample * segments + k]!;
    const logit = slope * x + trust * intercept + logPriors[sample * (segments + 1) + k]!;
    const p = 1 / (1 + Math.exp(-logit));
    const residual = weights[sample]! * ((labels[sample] === k ? 1 : 0) - p);
    const variance = weights[sample]! * p * (1 - p);
    gradient[0] += residual * x;
    gradient[1] += residual * trust;
    curvature[0] += variance * x * x;
    curvature[1] += variance * x * trust;
    curvature[2] += variance * trust * trust;
  }
  return { gradient, curvature };
}
