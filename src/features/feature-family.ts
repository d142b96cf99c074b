import type { FeatureEvent } from "./feature-event.ts";

/**
 * One idea of what a user's behaviour shows. Its state is a run of float64 slots in the context's slab, all
 * zero for a new user; its reading is a run of float32 features.
 *
 * A family is pure: no clock (time is the event's), no allocation in `fold` and `read`.
 */
export interface FeatureFamily {
  /** Stable name; part of the schema and so of every encoder's version. */
  readonly name: string;
  /** Float64 slots of state. The first is the newest event's time: while it is 0, every feature reads 0. */
  readonly slots: number;
  /** One stable name for each feature read, in order. */
  readonly features: readonly string[];
  /** Whether the order of arrival leaves the reading unchanged (to 1e-9). */
  readonly orderIndependent: boolean;
  /**
   * Folds one event into `slab[at .. at + slots)`.
   */
  fold(slab: Float64Array, at: number, event: FeatureEvent): void;
  /**
   * Writes `features.length` finite numbers to `out[outAt ..]`, as of `atMs` (never before the newest event).
   * What is missing reads 0, with an indicator feature where 0 is a possible value.
   */
  read(slab: Float64Array, at: number, atMs: number, out: Float32Array, outAt: number): void;
}
