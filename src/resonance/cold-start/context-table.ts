import type { Arrival } from "../../features/arrival.ts";
import { ContextCounts } from "./context-counts.ts";
import type { ContextPrior } from "./context-prior.ts";

/**
 * A context prior made ready: log p(k | context) - log p(k) of each cell; in an independent map the same of log odds. What a user's
 * log prior differs from everybody's by is that times a weight.
 */
export class ContextTable {
  readonly #counts: ContextCounts;
  readonly #weights: readonly number[];
  readonly #segments: number;
  /** Shape [cells, segments + 1]; "none" is last, 0 where it is not counted. */
  readonly #ratios: Float64Array;

  /** @param prior - With its counts. */
  constructor(prior: ContextPrior, mode: "exclusive" | "independent", segments: number) {
    const { levels, weights, counts = { root: new Array<number>(segments).fill(0), cells: [] } } = prior;
    this.#counts = ContextCounts.from(counts, segments, levels);
    this.#weights = weights;
    this.#segments = segments;
    const row = segments + 1;
    this.#ratios = new Float64Array(this.#counts.size * row);
    const told = new Float64Array(this.#counts.classes);
    for (let cell = 0; cell < this.#counts.size; cell++) {
      this.#counts.probabilitiesInto(cell, told);
      writeRatios(told, this.#counts, mode, this.#ratios.subarray(cell * row, (cell + 1) * row));
    }
  }

  /**
   * What the weight is at a length of history.
   *
   * @param bin - Of the calibration's bins of history length.
   */
  weightAt(bin: number, evidence: number): number {
    return weightAt(this.#weights, bin, evidence);
  }

  /** Whether an arrival tells anything. */
  tells(arrival: Arrival): boolean {
    return this.#counts.cellOf(arrival) >= 0;
  }

  /**
   * Adds what an arrival tells of each logit.
   *
   * @param out - Shape [segments + 1]; "none" is last.
   * @returns False, and adds nothing, if it tells nothing.
   */
  addInto(arrival: Arrival, weight: number, out: Float64Array): boolean {
    if (weight === 0) return false;
    const cell = this.#counts.cellOf(arrival);
    if (cell < 0) return false;
    const at = cell * (this.#segments + 1);
    for (let k = 0; k <= this.#segments; k++) out[k]! += weight * this.#ratios[at + k]!;
    return true;
  }
}

/**
 * The weight at a length of history.
 *
 * @param weights - Before any event, then by bin.
 */
export function weightAt(weights: readonly number[], bin: number, evidence: number): number {
  // As for the bins: half an event that is left of one is still one.
  return weights[Math.round(evidence) < 1 ? 0 : bin + 1] ?? 0;
}

/**
 * Writes by how much a distribution's logits differ from those of the shares.
 *
 * @param told - Shape [counts.classes].
 * @param out - Shape [segments + 1].
 */
export function writeRatios(
  told: Float64Array,
  { shares, segments, classes }: Pick<ContextCounts, "shares" | "segments" | "classes">,
  mode: "exclusive" | "independent",
  out: Float64Array,
): void {
  out[segments] = 0;
  const isExclusive = mode === "exclusive";
  for (let k = 0; k < (isExclusive ? classes : segments); k++) {
    const ratio = Math.log(told[k]! / shares[k]!);
    out[k] = isExclusive ? ratio : ratio - Math.log((1 - told[k]!) / (1 - shares[k]!));
  }
}
