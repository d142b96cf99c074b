import type { Arrival } from "../features/arrival.ts";
import type { FeatureEvent } from "../features/feature-event.ts";

/**
 * Turns behaviour into an embedding. It keeps its own running state a user (float64 slots in the context's
 * slab, zero for a new user), so that an event costs the same however long the history is.
 */
export interface Encoder {
  /** Hash of weights, feature schema and normaliser. Vectors of two versions never mix. */
  readonly version: string;
  readonly kind: "linear" | "autoencoder" | "gru" | "transformer";
  /** False for the projection that serves before anything was fitted. */
  readonly trained: boolean;
  /** Length of an embedding. */
  readonly dim: number;
  /** Float64 slots of state a user. */
  readonly slots: number;
  /**
   * Folds one event into `slab[at .. at + slots)`. In sums late events count exactly, in any order; a network to which
   * order matters passes over them.
   */
  fold(slab: Float64Array, at: number, event: FeatureEvent): void;
  /** The evidence behind the state: decayed number of events, as of `atMs`. Picks the calibration's depth bin. */
  evidence(slab: Float64Array, at: number, atMs: number): number;
  /**
   * Writes the embedding, of L2 norm at most 1, to `out` of shape [dim].
   *
   * @param features - What the feature schema read as of `atMs`; shape [schema.width].
   * @throws {@link DimensionMismatch} if a fitted encoder is given features of another shape.
   */
  embed(slab: Float64Array, at: number, features: Float32Array, atMs: number, out: Float32Array): void;
  /**
   * The embedding as a sum, where it is one: what explanations are exact by. Arguments as for {@link embed}.
   *
   * @param events - Some of the events that the state was folded from, such as the newest.
   */
  decompose?(
    slab: Float64Array,
    at: number,
    features: Float32Array,
    atMs: number,
    events: readonly FeatureEvent[],
  ): EmbeddingParts;
  /**
   * Makes the state that of a user who did not do some of what they did, where a state can be taken back.
   *
   * @param events - Events that the state was folded from.
   * @param newestMs - Time of the newest event that stays.
   */
  takeOff?(slab: Float64Array, at: number, events: readonly FeatureEvent[], newestMs: number): void;
}

/** Vectors that add up to an embedding, to the precision of float32; each of `dim` numbers, or rows of these. */
export type EmbeddingParts = Readonly<{
  /** The same for everybody. */
  bias: Float64Array;
  /** A row a feature of the schema. */
  features: Float64Array;
  /** A row for each of the events given. */
  events: Float64Array;
  /** What `events` holds in another grouping: a row for each of TOKEN_GROUPS. */
  groups: Float64Array;
  /** What the state holds of all other events. */
  earlier: Float64Array;
}>;

/** A member's history, as training sees it: the newest events (oldest first) and the labels. */
export type History = Readonly<{
  user: string;
  /** Map to segment; empty for background users, who belong to no segment. */
  labels: Readonly<Record<string, string>>;
  events: readonly FeatureEvent[];
  /** How the user came at first, where that is known. */
  arrival?: Arrival;
}>;
