import { assert } from "../../kernel/assert.ts";

/** The part of an encoder that was trained, as it serves one user after another. */
export interface ServedNetwork {
  /** Float64 slots of state a user, beside the decayed sums. */
  readonly slots: number;
  /**
   * Takes in an event that is not older than the newest.
   *
   * @param input - Shape [dim + EVENT_INPUTS]: the event's token vector and its numbers.
   * @param gapMs - Since the event before, >= 0; 0 for the first.
   */
  fold(slab: Float64Array, at: number, input: Float64Array, gapMs: number): void;
  /**
   * Adds what the network knows to the linear projection.
   *
   * @param laterMs - Since the newest event, >= 0.
   * @param projected - Shape [dim]; in: the linear projection.
   */
  addTo(
    slab: Float64Array,
    at: number,
    laterMs: number,
    standard: StandardFeatures,
    projected: Float64Array,
  ): void;
}

/** Features in standard deviations, as differences from those of a user without any: most are none. */
export type StandardFeatures = {
  /** Of `differences` and `places`, those that are set. */
  count: number;
  readonly differences: Float64Array;
  /** Index of the feature. */
  readonly places: Uint32Array;
};

/** The named array in float64. */
export function float64Of(arrays: Readonly<Record<string, Float32Array>>, name: string): Float64Array {
  const array = arrays[name];
  assert(array !== undefined, `the network has no array ${name}`);
  return Float64Array.from(array);
}
