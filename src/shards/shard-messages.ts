/** Asks a shard for members' histories, a page at a time, on `internal.shard.<n>.histories` as MessagePack. */
export type HistoriesRequest = Readonly<{ after?: string; limit: number }>;

/** Histories of authenticated users; `next` is the `after` of the following page, absent at the end. */
export type HistoriesReply = Readonly<{
  histories: readonly Readonly<{
    user: string;
    /** Map to segment; empty for a background user. */
    labels: Readonly<Record<string, string>>;
    /** Packed feature events, oldest first. */
    events: readonly Uint8Array[];
    /** How the user came, where that is known. */
    arrival?: readonly number[];
  }>[];
  next?: string;
}>;

/** Asks for all that is held of a user, on `internal.shard.<n>.holding` as MessagePack. */
export type HoldingRequest = Readonly<{
  user: string;
  /** Answer only once this sequence is folded, and how long to wait for it, ms. */
  atLeast?: number;
  waitMs?: number;
}>;

/**
 * Asks whether an erasure of a user is pending, and whether anything is held of them, on `internal.shard.<n>.erasing`. `hash` is
 * the user's {@link import("../privacy/user-hash.ts").HashUser}.
 */
export type ErasingRequest = HoldingRequest & Readonly<{ hash: string }>;

/**
 * Asks a shard what some of its anonymous users look like in a map, on `internal.shard.<n>.traffic` as MessagePack. The reply is
 * a {@link import("../resonance/score-answer.ts").ShardColumns} with similarities: at most so many users, who were seen
 * within seven days before its newest event and are in memory, drawn by the hash of their ids. Error: `UNKNOWN_MAP`.
 */
export type TrafficRequest = Readonly<{ map: string; limit: number }>;

/** An entry that could not be folded, in the dead-letter stream, as MessagePack. */
export type DeadLetter = Readonly<{
  shard: number;
  sequence: number;
  /** Its place in that message, of one with several entries. */
  place?: number;
  code: string;
  reason: string;
  /** Digest of the failure's stack: the same for the same fault; empty if it had none. */
  stack: string;
  /** The entry as the log holds it. */
  data: Uint8Array;
}>;

/**
 * Whom outputs are of that a former owner may have published late, each with the newest entry that they follow from; to
 * `internal.shard.<n>.redact`.
 */
export type LateOutputs = Readonly<{
  late: readonly Readonly<{ user: string; sequence: number }>[];
}>;
