import { minimise } from "../minimise.ts";
import { softmaxInPlace } from "../softmax.ts";
import { type LabelledUsers, logPriorOf } from "./labelled-users.ts";
import type { TokenWeights } from "./token-weights.ts";

/** Largest component of the gradient of the mean loss a member at which the fit ends. */
const GRADIENT_MAX = 1e-5;
const ITERATIONS_MAX = 500;

export type LogisticRegression = Readonly<{
  /** `start` holds the intercepts less the log of the segments' shares, which calibration adds. */
  weights: TokenWeights;
  /** Shape [(tokens + 1) x segments]: what another fit may start from; the intercepts come last. */
  parameters: Float64Array;
  iterations: number;
  converged: boolean;
  /** Largest component of the gradient of the summed loss. */
  gradientMax: number;
}>;

/**
 * Multinomial logistic regression on indicators with an L2 penalty, fitted to convergence.
 *
 * Minimises the sum of the members' negative log-likelihoods + strength / 2 times the sum of the squared weights;
 * intercepts are free.
 *
 * @param strength - > 0.
 * @param given - `start`: parameters of another fit with as many tokens and segments. `gradientMax`: largest component
 *   of the gradient of the mean loss a member at which the fit ends, 1e-5 by default.
 */
export function logisticRegression(
  users: LabelledUsers,
  strength: number,
  given: { readonly start?: Float64Array; readonly gradientMax?: number } = {},
): LogisticRegression {
  const { indicators, segments, members } = users;
  const { tokens } = indicators;
  const logPrior = logPriorOf(users);
  const interceptsAt = tokens * segments;
  const { start, gradientMax: end = GRADIENT_MAX } = given;
  const first = start === undefined ? new Float64Array(interceptsAt + segments) : start;
  if (start === undefined) first.set(logPrior, interceptsAt);
  const found = minimise(objectiveOf(users, strength), first, {
    gradientMax: end * Math.max(1, members.length),
    iterationsMax: ITERATIONS_MAX,
    inverseCurvature: inverseCurvature(users, strength, logPrior),
  });
  const { x: parameters, iterations, converged, gradientMax } = found;
  const rows = parameters.slice(0, interceptsAt);
  const intercepts = parameters.slice(interceptsAt).map((intercept, k) => intercept - logPrior[k]!);
  return {
    weights: { segments, start: intercepts, rows },
    parameters,
    iterations,
    converged,
    gradientMax,
  };
}

/** The penalised negative log-likelihood and its gradient; parameters as in {@link LogisticRegression}. */
export function objectiveOf(users: LabelledUsers, strength: number) {
  const { indicators, segments, labels, members } = users;
  const { tokens, at, ids } = indicators;
  const interceptsAt = tokens * segments;
  const p = new Float64Array(segments);
  return (x: Float64Array, gradient: Float64Array): number => {
    let loss = 0;
    gradient.fill(0);
    for (let i = 0; i < interceptsAt; i++) {
      loss += 0.5 * strength * x[i]! * x[i]!;
      gradient[i] = strength * x[i]!;
    }
    for (let m = 0; m < members.length; m++) {
      const u = members[m]!;
      const [from, end] = [at[u]!, at[u + 1]!];
      for (let k = 0; k < segments; k++) p[k] = x[interceptsAt + k]!;
      for (let place = from; place < end; place++) {
        const row = ids[place]! * segments;
        for (let k = 0; k < segments; k++) p[k]! += x[row + k]!;
      }
      const label = labels[u]!;
      const own = p[label]!;
      loss += softmaxInPlace(p) - own;
      p[label]! -= 1; // Now the residuals.
      for (let place = from; place < end; place++) {
        const row = ids[place]! * segments;
        for (let k = 0; k < segments; k++) gradient[row + k]! += p[k]!;
      }
      for (let k = 0; k < segments; k++) gradient[interceptsAt + k]! += p[k]!;
    }
    return loss;
  };
}

/** One over the diagonal of the curvature where nothing is known of anybody: rare and common tokens learn alike. */
function inverseCurvature(
  { indicators, segments, members }: LabelledUsers,
  strength: number,
  logPrior: Float64Array,
): Float64Array {
  const { tokens, at, ids } = indicators;
  const uses = new Float64Array(tokens + 1);
  for (const u of members) for (let place = at[u]!; place < at[u + 1]!; place++) uses[ids[place]!]!++;
  uses[tokens] = members.length;
  const variance = logPrior.map((log) => Math.exp(log) * (1 - Math.exp(log)));
  const inverse = new Float64Array((tokens + 1) * segments);
  for (let t = 0; t <= tokens; t++) {
    for (let k = 0; k < segments; k++) {
      inverse[t * segments + k] = 1 / ((t < tokens ? strength : 1) + uses[t]! * variance[k]!);
    }
  }
  return inverse;
}
