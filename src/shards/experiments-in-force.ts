import { type ExperimentRecords, NO_EXPERIMENTS } from "../experiments/experiment-records.ts";
import { type CountedExperiment, countedExperiment } from "../experiments/unit-metrics.ts";

/** The experiments that a shard's log has put in force. */
export class ExperimentsInForce {
  #records = NO_EXPERIMENTS;
  /** Those that run, by name. */
  readonly #running = new Map<string, CountedExperiment>();
  /** Those that run, by placement. */
  readonly #at = new Map<string, CountedExperiment[]>();

  /** 0 before the first. */
  get version(): number {
    return this.#records.version;
  }

  use(records: ExperimentRecords): void {
    this.#records = records;
    this.#running.clear();
    this.#at.clear();
    for (const { experiment, stoppedMs } of records.experiments) {
      if (stoppedMs !== undefined) continue;
      const counted = countedExperiment(experiment);
      this.#running.set(experiment.name, counted);
      const { placement } = experiment;
      this.#at.set(placement, [...(this.#at.get(placement) ?? []), counted]);
    }
  }

  /** Back to what was before anything was put in force. */
  clear(): void {
    this.use(NO_EXPERIMENTS);
  }

  /** An experiment that runs; undefined if none of this name does. */
  running(name: string): CountedExperiment | undefined {
    return this.#running.get(name);
  }

  /** Those that run at a placement: no unit is in two of them. */
  at(placement: string): readonly CountedExperiment[] {
    return this.#at.get(placement) ?? NONE;
  }
}

const NONE: readonly CountedExperiment[] = [];
