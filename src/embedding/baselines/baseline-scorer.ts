import type { FeatureEvent } from "../../features/feature-event.ts";
import { tokenBuffer } from "../event-tokens.ts";
import { depthBin, sharpen } from "./depth-calibration.ts";
import type { Baseline } from "./fit-baseline.ts";
import { identitiesOf, type Vocabulary } from "./token-indicators.ts";
import { RunningScores } from "./token-weights.ts";

/** Serves a baseline as a visitor's events come: an event adds the rows of what it names for the first time. */
export class BaselineScorer {
  readonly #baseline: Baseline;
  readonly #vocabulary: Vocabulary;
  readonly #running: RunningScores;
  readonly #buffer = tokenBuffer();
  /** The visitor who used a token last, counted from 1; shape [tokens]. */
  readonly #lastVisitor: Uint32Array;
  readonly #scores: Float64Array;
  readonly #probabilities: Float64Array;
  #visitor = 0;

  /** @param vocabulary - The one that the baseline was fitted with. */
  constructor(baseline: Baseline, vocabulary: Vocabulary) {
    this.#baseline = baseline;
    this.#vocabulary = vocabulary;
    this.#running = new RunningScores(baseline.weights);
    this.#lastVisitor = new Uint32Array(vocabulary.size);
    this.#scores = new Float64Array(baseline.weights.segments);
    this.#probabilities = new Float64Array(baseline.weights.segments);
  }

  /**
   * Scores one visitor.
   *
   * @param depths - Rising numbers of events; one beyond the history's end is scored at the end.
   * @param write - Receives the index of each depth and the probabilities, shape [segments], valid until it returns.
   */
  score(
    events: readonly FeatureEvent[],
    depths: readonly number[],
    write: (depth: number, probabilities: Float64Array) => void,
  ): void {
    this.#visitor++;
    this.#running.reset();
    let seen = 0;
    for (const [d, depth] of depths.entries()) {
      for (; seen < depth && seen < events.length; seen++) this.#add(events[seen]!);
      this.#running.write(this.#scores, 0);
      const sharpening = this.#baseline.calibration.bins[depthBin(seen)]!;
      sharpen(sharpening, this.#scores, 0, this.#probabilities);
      write(d, this.#probabilities);
    }
  }

  #add(event: FeatureEvent): void {
    const count = identitiesOf(event, this.#buffer);
    for (let i = 0; i < count; i++) {
      const id = this.#vocabulary.index.rowOf(this.#buffer.hashes[i]!);
      if (id < 0 || this.#lastVisitor[id] === this.#visitor) continue;
      this.#lastVisitor[id] = this.#visitor;
      this.#running.add(id);
    }
  }
}
