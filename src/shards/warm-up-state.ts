import type { Encoder } from "../embedding/encoder.ts";

/** What members are sampled for: an encoder that is to serve, or definitions that are to be in force. */
export type WarmUpKind = "encoder" | "segments";

/**
 * Members sampled a slice at a time, so that profiles can be built before what they are for serves. How far it has come
 * follows from the log alone: each slice is an entry, which the shard's owner appends when it sees fit.
 */
export type WarmUp = {
  readonly kind: WarmUpKind;
  /** What the profile actor knows it by: an encoder's version, or what definitions are prepared under. */
  readonly version: string;
  /** Sequence of the entry that began it: with the number of a slice, that slice's name. */
  readonly since: number;
  /** Undefined for the encoder in force, whichever that is. */
  readonly encoder: Encoder | undefined;
  /** Slices done. */
  slices: number;
  /** The last member sampled, in the order of the ids' bytes; empty before the first. */
  after: string;
  /** Members sampled. */
  sampled: number;
  /** All were sampled: from here on, whoever does something is. */
  done: boolean;
};

/** A {@link WarmUp} as it is stored. */
export type StoredWarmUp = Omit<WarmUp, "encoder">;
