/**
 * Asks a shard's owner where users who have been active lately are on a plane, on `internal.shard.<n>.lately` as MessagePack, and
 * has it note such users for five seconds more. Error: `UNKNOWN_MAP`.
 */
export type LatelyRequest = Readonly<{
  map: string;
  /** The `turn` of the reply before; 0 for all that are remembered. */
  since: number;
  /** Users told at most: those who were active most recently. */
  limit: number;
  /** Centre and axes of a {@link import("./segment-plane.ts").SegmentPlane}: float32, little-endian. */
  plane: Readonly<{ encoder: string; dim: number; center: Uint8Array; axes: Uint8Array }>;
}>;

/** A row a user, in columns; none if the plane is of another encoder than the shard's. */
export type LatelyReply = Readonly<{
  /** Of the owner's lease: turns of another one are others. */
  epoch: number;
  turn: number;
  /** Users erased since the owner's start: if more than in the reply before, what was told before is not to be shown any more. */
  erasures: number;
  /** Events folded since the start. */
  events: number;
  users: readonly string[];
  x: readonly number[];
  y: readonly number[];
  /** Index of the strongest segment; -1 where "none" is stronger. */
  segment: readonly number[];
  /** Of that segment, or of "none". */
  probability: readonly number[];
  /** When the log got the newest event, epoch ms. */
  atMs: readonly number[];
  /** Users who were active, and may not be shown, or not any more. */
  hidden: readonly string[];
}>;
