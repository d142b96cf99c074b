import { ExperimentBook, type ExperimentChange } from "../experiments/experiment-book.ts";
import type { Tally, TallyKind } from "./tally.ts";

/** The numbers of experiments. No shard uses them: they are told to whoever asks for a report. */
export const EXPERIMENTS: TallyKind = { name: "experiments", open: () => new ExperimentsTally() };

class ExperimentsTally implements Tally {
  readonly #book = new ExperimentBook();

  add(change: unknown): boolean {
    if (typeof change !== "object" || change === null) return false;
    return this.#book.add(change as ExperimentChange);
  }

  restore(key: string, bytes: Uint8Array): void {
    this.#book.restore(key, bytes);
  }

  takeChanges(): ReturnType<ExperimentBook["takeChanges"]> {
    return this.#book.takeChanges();
  }

  release(): Uint8Array {
    return this.#book.encode();
  }
}
