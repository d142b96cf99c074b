import type { Versions } from "./score-answer.ts";

/** What all answers of one map have in common until the shard puts something else in force. */
export type ReplyFacts = Readonly<{
  /** Empty if no map is defined. */
  map: string;
  segments: readonly string[];
  versions: Versions;
  /** The maps whose profiles' ages are told, in their order. */
  maps: readonly string[];
  shard: number;
}>;

/** What changes from one answer to the next. It may be used again for the next answer. */
export type ReplyValues = {
  user: string;
  known: boolean;
  /** Whether the user may not be personalised for. */
  isRefused: boolean;
  /** Shape [segments + 1]; "none" is last. */
  probabilities: Float64Array;
  /** Shape [segments]. */
  similarities: Float64Array;
  /** Shape [segments]; 0 or 1. */
  resonating: Uint8Array;
  evidence: number;
  contextMs: number | null;
  /** In the order of the facts' maps. */
  profilesMs: readonly (number | null)[];
  sequence: number;
  /** Letters, digits, `-` and `_`: it is written as it is. */
  decision: string;
  /** So many of the strongest segments, >= 1; all if undefined. */
  top: number | undefined;
};

/**
 * Writes answers ({@link import("./score-answer.ts").ScoreAnswer}) as bytes. Everything in them but numbers and flags
 * is the same from one to the next, so it is copied as one template in which these have fixed places.
 */
export interface ReplyWriter {
  /** @returns Bytes that nobody else writes to. */
  write(values: ReplyValues): Uint8Array;
}
