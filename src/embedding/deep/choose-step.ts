import type { Evaluation } from "./training-state.ts";

/** The evaluation to keep, by place, and what it gained over the first one, in nats a member. */
export type ChosenStep = Readonly<{ place: number; step: number; loss: number; gain: number; error: number }>;

/**
 * Chooses how long to train: where held-out members of all runs together lose least, if that is better than not to
 * train at all by more than a standard error. Else chance would choose, and what it chose would be worse tomorrow.
 *
 * @param runs - The evaluations of each run, at the same steps; of a run that ended early, fewer.
 */
export function chooseStep(runs: readonly (readonly Evaluation[])[]): ChosenStep {
  const best = leastLoss(runs);
  return best.gain > best.error ? best : comparison(runs, 0);
}

/** Evaluations that all runs have made since the one at which their members together lost least. */
export function evaluationsSinceBest(runs: readonly (readonly Evaluation[])[]): number {
  return placesOf(runs) - 1 - leastLoss(runs).place;
}

function leastLoss(runs: readonly (readonly Evaluation[])[]): ChosenStep {
  let best = comparison(runs, 0);
  for (let place = 1; place < placesOf(runs); place++) {
    const other = comparison(runs, place);
    if (other.loss < best.loss) best = other;
  }
  return best;
}

function placesOf(runs: readonly (readonly Evaluation[])[]): number {
  return Math.min(...runs.map((evaluations) => evaluations.length));
}

function comparison(runs: readonly (readonly Evaluation[])[], place: number): ChosenStep {
  const gains: number[] = [];
  let loss = 0;
  for (const evaluations of runs) {
    const [first, at] = [evaluations[0], evaluations[place]];
    if (first === undefined || at === undefined) continue;
    for (const [member, before] of first.losses.entries()) {
      if (Number.isNaN(before)) continue;
      gains.push(before - at.losses[member]!);
      loss += at.losses[member]!;
    }
  }
  const count = Math.max(1, gains.length);
  const gain = gains.reduce((sum, one) => sum + one, 0) / count;
  const variance = gains.reduce((sum, one) => sum + (one - gain) ** 2, 0) / count;
  const step = runs[0]?.[place]?.step ?? 0;
  return { place, step, loss: loss / count, gain, error: Math.sqrt(variance / count) };
}
