import type { Arrival } from "../features/arrival.ts";
import type { HeldOutScores } from "./held-out-scores.ts";
import { newScoreBuffer, type Scorer, scoreInto } from "./scorer.ts";

/** Gathers what users who are held out look like in one map. */
export class HeldOutCollector {
  readonly #of: Pick<HeldOutScores, "segments" | "mode">;
  readonly #evidence: number[] = [];
  readonly #labels: number[] = [];
  readonly #users: number[] = [];
  readonly #similarities: number[] = [];
  readonly #logPriors: number[] = [];
  readonly #arrivals = new Map<number, Arrival>();
  readonly #buffer;

  constructor(of: Pick<HeldOutScores, "segments" | "mode">) {
    this.#of = of;
    this.#buffer = newScoreBuffer(of.segments);
  }

  /** Notes how a user came. */
  arrive(user: number, arrival: Arrival | undefined): void {
    if (arrival !== undefined) this.#arrivals.set(user, arrival);
  }

  /** Scores a sample by profiles that do not know its user. */
  add(
    scorer: Scorer,
    embedding: Float32Array,
    sample: Readonly<{ evidence: number; label: number; user: number }>,
  ): void {
    scoreInto(scorer, embedding, sample.evidence, this.#buffer);
    this.addScored(this.#buffer.similarities, scorer.logPrior, sample);
  }

  /** Takes in a sample that was scored elsewhere. */
  addScored(
    similarities: ArrayLike<number>,
    logPrior: ArrayLike<number>,
    { evidence, label, user }: Readonly<{ evidence: number; label: number; user: number }>,
  ): void {
    const { segments } = this.#of;
    this.#evidence.push(evidence);
    this.#labels.push(label);
    this.#users.push(user);
    for (let k = 0; k < segments; k++) this.#similarities.push(similarities[k]!);
    for (let k = 0; k <= segments; k++) this.#logPriors.push(logPrior[k]!);
  }

  scores(): HeldOutScores {
    return {
      ...this.#of,
      similarities: Float64Array.from(this.#similarities),
      evidence: Float64Array.from(this.#evidence),
      labels: Int16Array.from(this.#labels),
      users: Uint32Array.from(this.#users),
      logPriors: Float64Array.from(this.#logPriors),
      ...(this.#arrivals.size === 0 ? {} : { arrivals: this.#arrivals }),
    };
  }
}
