import type { Encoder } from "../embedding/encoder.ts";
import {
  armEncoder,
  type ExperimentRelease,
  NO_EXPERIMENT_RELEASE,
} from "../experiments/experiment-release.ts";
import { type CountedExperiment, countedExperiment } from "../experiments/unit-metrics.ts";
import { prepareScorer, type Scorer } from "../resonance/scorer.ts";

/** What an arm scores by, made ready. */
export type ReadyModel = Readonly<{ encoder: Encoder; scorer: Scorer }>;

/** The experiments that a shard's log has put in force. */
export class ExperimentsInForce {
  #release = NO_EXPERIMENT_RELEASE;
  /** Those that run, by name. */
  readonly #running = new Map<string, CountedExperiment>();
  /** Those that run and can be served, by placement. */
  readonly #at = new Map<string, CountedExperiment[]>();
  readonly #models = new Map<string, ReadyModel>();

  /** 0 before the first. */
  get version(): number {
    return this.#release.records.version;
  }

  /** @returns How many that run can't be served, since what their arms score by is not there: nobody is assigned to them. */
  use(release: ExperimentRelease): number {
    this.#release = release;
    this.#running.clear();
    this.#at.clear();
    this.#models.clear();
    let unserved = 0;
    for (const { experiment, stoppedMs } of release.records.experiments) {
      if (stoppedMs !== undefined) continue;
      const { name, placement } = experiment;
      const counted = countedExperiment(experiment);
      this.#running.set(name, counted);
      const model = release.models.get(name);
      if (model !== undefined) {
        const { encoder, profiles } = model;
        this.#models.set(name, { encoder, scorer: prepareScorer(profiles) });
      } else if (armEncoder(experiment) !== undefined) {
        unserved++;
        continue;
      }
      this.#at.set(placement, [...(this.#at.get(placement) ?? []), counted]);
    }
    return unserved;
  }

  /** Back to what was before anything was put in force. */
  clear(): void {
    this.use(NO_EXPERIMENT_RELEASE);
  }

  /** An experiment that runs; undefined if none of this name does. */
  running(name: string): CountedExperiment | undefined {
    return this.#running.get(name);
  }

  /** Those that run at a placement: no unit is in two of them. */
  at(placement: string): readonly CountedExperiment[] {
    return this.#at.get(placement) ?? NONE;
  }

  /** What arms of an experiment score by that name an encoder. */
  modelOf(name: string): ReadyModel | undefined {
    return this.#models.get(name);
  }
}

const NONE: readonly CountedExperiment[] = [];
