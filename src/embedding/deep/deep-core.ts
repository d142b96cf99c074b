import { DimensionMismatch } from "../dimension-mismatch.ts";
import { EVENT_INPUTS, EVENT_NUMBERS, writeGapInputs } from "../event-inputs.ts";
import { FEATURE_CLIP } from "../linear-placement.ts";
import { admitEvent, decayedEvents, leftAt, STATE } from "../projected-state.ts";
import { addScaledSingle } from "../vector.ts";
import { composeEmbedding } from "./compose-embedding.ts";
import type { DeepWeights } from "./deep-artefact.ts";
import { ServedAutoencoder } from "./served-autoencoder.ts";
import { ServedGru } from "./served-gru.ts";
import type { ServedNetwork, StandardFeatures } from "./served-network.ts";
import { ServedTransformer } from "./served-transformer.ts";

/**
 * A trained network over rows of its token table. The state of a user is that of the linear encoder (time of the newest
 * event, decayed number of events, decayed sum of token vectors) and the network's behind it.
 */
export class DeepCore {
  readonly dim: number;
  readonly slots: number;
  readonly #weights: DeepWeights["base"];
  readonly #network: ServedNetwork;
  /** Standardised value of a feature that reads 0, and the projection of a user whose features are all 0. */
  readonly #ofZero: Float64Array;
  readonly #ofNothing: Float64Array;
  readonly #standard: StandardFeatures;
  readonly #vector: Float64Array;
  readonly #input: Float64Array;
  readonly #gap = new Float32Array(EVENT_INPUTS - EVENT_NUMBERS);
  readonly #projected: Float64Array;

  constructor({ kind, base, arrays }: DeepWeights) {
    const { dim, mean, scale, dense, bias } = base;
    this.dim = dim;
    this.#weights = base;
    const features = mean.length;
    this.#ofZero = Float64Array.from(mean, (value, f) => clip(-value * scale[f]!));
    this.#ofNothing = Float64Array.from(bias);
    for (let f = 0; f < features; f++) {
      addScaledSingle(this.#ofNothing, 0, dense, f * dim, dim, this.#ofZero[f]!);
    }
    this.#network =
      kind === "gru"
        ? new ServedGru(arrays, dim)
        : kind === "transformer"
          ? new ServedTransformer(arrays, dim)
          : new ServedAutoencoder(arrays, this.#ofZero, dim);
    this.slots = STATE.sums + dim + this.#network.slots;
    this.#standard = {
      count: 0,
      differences: new Float64Array(features),
      places: new Uint32Array(features),
    };
    this.#vector = new Float64Array(dim);
    this.#input = new Float64Array(dim + EVENT_INPUTS);
    this.#projected = new Float64Array(dim);
  }

  /**
   * Folds one event. A late one counts in the sums, decayed to its age; the network, to which order matters, passes
   * over it.
   *
   * @param rows - Of the token table; those below 0 are not known, and only the first `count` are read.
   * @param numbers - Shape [EVENT_NUMBERS].
   */
  fold(
    slab: Float64Array,
    at: number,
    event: Readonly<{
      rows: Int32Array | Uint32Array;
      from: number;
      to: number;
      tsMs: number;
      numbers: Float32Array;
      numbersAt: number;
    }>,
  ): void {
    const { table, dim, halfLifeMs } = this.#weights;
    const { rows, tsMs, numbers, numbersAt } = event;
    const isFirst = slab[at + STATE.events] === 0;
    const gapMs = isFirst ? 0 : tsMs - slab[at + STATE.atMs]!;
    const weight = admitEvent(slab, at, dim, tsMs, halfLifeMs);
    const vector = this.#vector;
    vector.fill(0);
    for (let i = event.from; i < event.to; i++) {
      if (rows[i]! >= 0) addScaledSingle(vector, 0, table, rows[i]! * dim, dim, 1);
    }
    for (let i = 0; i < dim; i++) slab[at + STATE.sums + i]! += weight * vector[i]!;
    if (gapMs < 0) return;
    const input = this.#input;
    input.set(vector);
    writeGapInputs(gapMs, isFirst, this.#gap, 0);
    for (let i = 0; i < EVENT_NUMBERS; i++) input[dim + i] = numbers[numbersAt + i]!;
    for (let i = 0; i < this.#gap.length; i++) input[dim + EVENT_NUMBERS + i] = this.#gap[i]!;
    this.#network.fold(slab, at + STATE.sums + dim, input, gapMs);
  }

  /** The decayed number of events as of `atMs`. */
  evidence(slab: Float64Array, at: number, atMs: number): number {
    return decayedEvents(slab, at, atMs, this.#weights.halfLifeMs);
  }

  /**
   * @param features - Shape [features], as the schema reads them.
   * @param out - Shape [dim].
   */
  embed(slab: Float64Array, at: number, features: Float32Array, atMs: number, out: Float32Array): void {
    const { dim, halfLifeMs, power, supervised, fill } = this.#weights;
    if (features.length !== this.#ofZero.length) {
      throw new DimensionMismatch({ expected: this.#ofZero.length, actual: features.length });
    }
    const left = leftAt(slab, at, atMs, halfLifeMs);
    const shrink = left / (slab[at + STATE.events]! * left + 1) ** power;
    const projected = this.#projected;
    projected.set(this.#ofNothing);
    for (let i = 0; i < dim; i++) projected[i]! += shrink * slab[at + STATE.sums + i]!;
    this.#standardise(features);
    const laterMs = slab[at + STATE.events] === 0 ? 0 : Math.max(0, atMs - slab[at + STATE.atMs]!);
    this.#network.addTo(slab, at + STATE.sums + dim, laterMs, this.#standard, projected);
    composeEmbedding(projected, supervised, fill, out);
  }

  /** Finds the features that are not 0 and adds what they say to the projection. */
  #standardise(features: Float32Array): void {
    const { dim, mean, scale, dense } = this.#weights;
    const standard = this.#standard;
    standard.count = 0;
    for (let f = 0; f < features.length; f++) {
      const factor = scale[f]!;
      if (features[f] === 0 || factor === 0) continue; // Most are.
      const difference = clip((features[f]! - mean[f]!) * factor) - this.#ofZero[f]!;
      standard.differences[standard.count] = difference;
      standard.places[standard.count++] = f;
      addScaledSingle(this.#projected, 0, dense, f * dim, dim, difference);
    }
  }
}

function clip(value: number): number {
  return Math.min(FEATURE_CLIP, Math.max(-FEATURE_CLIP, value));
}
