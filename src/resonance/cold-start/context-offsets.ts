import type { Arrival } from "../../features/arrival.ts";
import type { HeldOutScores } from "../held-out-scores.ts";
import type { Calibration } from "../published-profiles.ts";
import { depthBinOf } from "../scorer.ts";
import { ContextCounts } from "./context-counts.ts";
import { weightAt, writeRatios } from "./context-table.ts";

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

/** Held-out users as a calibration's context prior tells them, each by the others. */
export function toldByContext(
  calibration: Pick<Calibration, "contextPrior" | "depthEnds">,
  heldOut: HeldOutScores,
): HeldOutScores {
  const { segments, mode, labels, users, evidence, arrivals } = heldOut;
  const { contextPrior } = calibration;
  if (arrivals === undefined || contextPrior?.counts === undefined) return heldOut;
  const { counts, levels, weights } = contextPrior;
  const told = new ContextOffsets(ContextCounts.from(counts, segments, levels), mode);
  const row = segments + 1;
  const offsets = new Float64Array(labels.length * row);
  for (const [sample, label] of labels.entries()) {
    const arrival = arrivals.get(users[sample]!);
    if (arrival === undefined) continue;
    const events = evidence[sample]!;
    const weight = weightAt(weights, depthBinOf(calibration, events), events);
    if (weight === 0) continue;
    const own = offsets.subarray(sample * row, (sample + 1) * row);
    told.without(arrival, label, own);
    for (let k = 0; k < row; k++) own[k]! *= weight;
  }
  return { ...heldOut, offsets };
}
