import { assign } from "../experiments/assign.ts";
import type { Arm } from "../experiments/experiment.ts";
import type { CountedExperiment } from "../experiments/unit-metrics.ts";
import type { Context } from "./context.ts";
import type { ExperimentsInForce } from "./experiments-in-force.ts";

/** The part that a user takes in an experiment at a placement. */
export type ContentTrial = Readonly<{
  counted: CountedExperiment;
  /** Place of their arm. */
  place: number;
  arm: Arm;
  /** What they were assigned by, and the number in [0, 1) that it was hashed to. */
  hashKey: string;
  bucket: number;
  /** Not counted yet: they are from the moment on at which the arms differ. */
  isNew: boolean;
}>;

/** How content is chosen for a user at a placement: as the placement says, if nothing else is said. */
export type Part = Readonly<{ trial?: ContentTrial; arm?: Arm }>;

const NO_PART: Part = {};

/**
 * Finds the experiment that a user takes part in at a placement. Whoever is counted already keeps their arm; others are
 * assigned. Whoever is held out is served as control is, and not counted.
 */
export function partOf(experiments: ExperimentsInForce, placement: string, context: Context): Part {
  for (const counted of experiments.at(placement)) {
    const { experiment } = counted;
    const exposure = context.exposures.get(experiment.name);
    if (exposure !== undefined) {
      const { arm: place, hashKey } = exposure;
      const arm = experiment.arms[place];
      if (arm === undefined) continue;
      return { arm, trial: { counted, place, arm, hashKey, bucket: 0, isNew: false } };
    }
    const hashKey = context.user;
    const assignment = assign(experiment, hashKey);
    if (assignment.kind === "arm") {
      const { arm: place, bucket } = assignment;
      const arm = experiment.arms[place]!;
      return { arm, trial: { counted, place, arm, hashKey, bucket, isNew: true } };
    }
    if (assignment.because === "holdout") return { arm: experiment.arms[0]! };
  }
  return NO_PART;
}
