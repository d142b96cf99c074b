import type { Arrival } from "../../features/arrival.ts";
import type { ContextCounts } from "./context-counts.ts";
import { writeRatios } from "./context-table.ts";

/** What contexts tell of members, each told by the others: what a fit looks at. */
export class ContextOffsets {
  readonly counts: ContextCounts;
  readonly mode: "exclusive" | "independent";
  readonly #told: Float64Array;

  constructor(counts: ContextCounts, mode: "exclusive" | "independent") {
    this.counts = counts;
    this.mode = mode;
    this.#told = new Float64Array(counts.classes);
  }

  /**
   * Writes how a member's logits differ from everybody's by their arrival, at full weight.
   *
   * @param label - Segment, or -1: the member is taken out of what tells.
   * @param out - Shape [segments + 1].
   */
  without(arrival: Arrival, label: number, out: Float64Array): void {
    const { counts } = this;
    const none = counts.classes > counts.segments ? counts.segments : -1;
    counts.probabilitiesInto(counts.cellOf(arrival), this.#told, label < 0 ? none : label);
    writeRatios(this.#told, counts, this.mode, out);
  }
}
