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

/** How content is chosen for a user at a placement: as the placement says, if no arm is named. */
export type Part = Readonly<{
  /** Tells the same part again at the same placement, while the same experiments run: see {@link partAgain}. */
  number: number;
  /** The arm that is served, of which experiment; undefined for neither. */
  arm: Arm | undefined;
  counted: CountedExperiment | undefined;
  /** Undefined for those who are held out, too. */
  trial: ContentTrial | undefined;
}>;

/** Of no experiment. */
export const NO_PART: Part = { number: 0, arm: undefined, counted: undefined, trial: undefined };
/** Numbers that each experiment of a placement has: one more than arms at most, for those who are held out. */
const NUMBERS = 9;
const HELD_OUT = NUMBERS - 1;

/**
 * Finds the experiment that a user takes part in at a placement. Whoever is counted already keeps their arm; others are
 * assigned. Whoever is held out is served as control is, and not counted.
 */
export function partOf(experiments: ExperimentsInForce, placement: string, context: Context): Part {
  const here = experiments.at(placement);
  for (let i = 0; i < here.length; i++) {
    const counted = here[i]!;
    const { experiment } = counted;
    const exposure = context.exposures.get(experiment.name);
    if (exposure !== undefined) return partIn(here, i, exposure.arm, exposure.hashKey);
    const hashKey = context.user;
    const assignment = assign(experiment, hashKey);
    if (assignment.kind === "arm") {
      const { arm: place, bucket } = assignment;
      const arm = experiment.arms[place]!;
      const trial = { counted, place, arm, hashKey, bucket, isNew: true };
      return { number: numberOf(i, place), arm, counted, trial };
    }
    if (assignment.because === "holdout")
      return { number: numberOf(i, HELD_OUT), arm: experiment.arms[0]!, counted, trial: undefined };
  }
  return NO_PART;
}

/**
 * The part that a number tells of, so that a decision can be made again without knowing for whom it was made.
 *
 * @param number - As {@link partOf} gave it, with the same experiments in force.
 */
export function partAgain(experiments: ExperimentsInForce, placement: string, number: number): Part {
  if (number === 0) return NO_PART;
  const here = experiments.at(placement);
  const [i, place] = [Math.floor((number - 1) / NUMBERS), (number - 1) % NUMBERS];
  const counted = here[i];
  if (place === HELD_OUT && counted !== undefined)
    return { number, arm: counted.experiment.arms[0]!, counted, trial: undefined };
  return partIn(here, i, place, "");
}

/** The part of somebody who is counted, or need not be. */
function partIn(here: readonly CountedExperiment[], i: number, place: number, hashKey: string): Part {
  const counted = here[i];
  const arm = counted?.experiment.arms[place];
  if (counted === undefined || arm === undefined) return NO_PART;
  const trial = { counted, place, arm, hashKey, bucket: 0, isNew: false };
  return { number: numberOf(i, place), arm, counted, trial };
}

function numberOf(i: number, place: number): number {
  return 1 + i * NUMBERS + place;
}
