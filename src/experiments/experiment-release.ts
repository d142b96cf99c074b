import type { Encoder } from "../embedding/encoder.ts";
import type { PublishedProfiles } from "../resonance/published-profiles.ts";
import type { Experiment } from "./experiment.ts";
import { type ExperimentRecords, NO_EXPERIMENTS } from "./experiment-records.ts";

/** What an arm scores by in the place of what is in force: profiles as they were when the experiment was defined. */
export type ArmModel = Readonly<{ encoder: Encoder; profiles: PublishedProfiles }>;

/** A version of the experiments with what its arms need. */
export type ExperimentRelease = Readonly<{
  records: ExperimentRecords;
  /** By experiment: the model of those of its arms that name an encoder. */
  models: ReadonlyMap<string, ArmModel>;
}>;

/** Before any experiment is defined. */
export const NO_EXPERIMENT_RELEASE: ExperimentRelease = { records: NO_EXPERIMENTS, models: new Map() };

/** The encoder that arms of an experiment name; undefined if all of them use the one in force. */
export function armEncoder({ arms }: Experiment): string | undefined {
  return arms.find(({ encoder }) => encoder !== undefined)?.encoder;
}
