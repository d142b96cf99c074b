import type { ThresholdMoves } from "./threshold-moves.ts";

/** Asks a shard how its active users stand to the segments of a map, on `internal.shard.<n>.standing`, as MessagePack. */
export type StandingRequest = Readonly<{
  map: string;
  /** Segment whose possible thresholds are counted; none if left out. */
  segment?: string;
  /** Active is whoever did something within so long before the shard's newest event, ms. */
  activeMs: number;
  /** Of the users in memory each `step`-th one, from the `from`-th on, at most `limit` who are active. */
  from: number;
  step: number;
  limit: number;
}>;

/** Errors: `UNKNOWN_MAP` (retryable). */
export type StandingReply = Readonly<{
  segments: readonly string[];
  /** Active users looked at. */
  users: number;
  /** Users for whom each segment resonates; shape [segments]. */
  resonating: readonly number[];
  moves: ThresholdMoves;
  /** The `from` of the following page; absent at the end. */
  next?: number;
  /** Users in memory. */
  resident: number;
}>;
