/** How strongly a user resonates with one segment. */
export type SegmentScore = Readonly<{
  segment: string;
  /** In [0, 1]; over the segments of an exclusive map and "none" they sum to 1. */
  probability: number;
  /** Centred cosine to the profile, in [-1, 1]; 0 while the segment has no profile. */
  similarity: number;
  /** Whether its threshold is passed, with hysteresis. */
  resonating: boolean;
}>;

/** A user's live distribution over the segments of one map. */
export type Resonance = Readonly<{
  map: string;
  /** In the order of the map's definition. */
  segments: readonly SegmentScore[];
  /** Probability of no segment; 0 in an independent map. */
  none: number;
}>;

/** What a shard answers for one user. */
export type ScoreAnswer = Readonly<{
  user: string;
  /** False if nothing is held of this user: the distribution is then the prior. */
  known: boolean;
  /** One for each map asked for. */
  resonances: readonly Resonance[];
  versions: Readonly<{
    encoder: string;
    /** False while the untrained projection serves. */
    trained: boolean;
    /** Map to version of the profiles in force; 0 before the first publication. */
    profiles: Readonly<Record<string, number>>;
    segments: number;
  }>;
  ages: Readonly<{
    /** Milliseconds since the user's newest event; null for an unknown user. */
    contextMs: number | null;
    /** Milliseconds since the profiles in force were activated in this shard, by map; null before the first. */
    profilesMs: Readonly<Record<string, number | null>>;
  }>;
  /** Effective events behind the answer. */
  evidence: number;
  /** The shard and the last log sequence that the answer contains. */
  position: Readonly<{ shard: number; sequence: number }>;
}>;

/** The gateway's request to a shard's owner, as MessagePack, on `internal.shard.<n>.score`. */
export type ShardScoreRequest = Readonly<{
  users: readonly string[];
  /** All maps if left out. */
  map?: string;
  /** Answer only once this sequence is folded. */
  atLeast?: number;
  /** How long to wait for `atLeast`, ms. */
  waitMs?: number;
}>;

/**
 * The shard's reply: one answer a user, in order, under the epoch of its owner's lease; 0 if another copy answered.
 * Errors: `UNKNOWN_MAP`, `NOT_CAUGHT_UP` and `NOT_OWNER` (both retryable).
 */
export type ShardScoreReply = Readonly<{ answers: readonly ScoreAnswer[]; epoch: number }>;

/**
 * A session of which nothing is stored, on `internal.shard.<n>.session`, as MessagePack: `behaviours` are
 * {@link import("../events/log-entry.ts").Behaviour} values in the order to fold. The reply is a ShardScoreReply with one answer.
 */
export type ShardSessionRequest = Readonly<{ behaviours: readonly unknown[]; map?: string }>;

/** A shard's own state on `internal.shard.<n>.status`, as MessagePack (empty request). */
export type ShardStatus = Readonly<{
  shard: number;
  node: string;
  /** Epoch of the owner's lease. */
  epoch: number;
  ready: true;
  /** Whether its commits wait for room on the disk; scores are answered from memory meanwhile. */
  diskFull: boolean;
  /** Last log sequence folded and committed. */
  applied: number;
  /** Log entries not folded yet. */
  lag: number;
  /** Contexts in memory, and all that are stored. */
  resident: number;
  users: number;
  /** Behaviours folded since the thread started, and those that a repeated id left without effect. */
  events: number;
  duplicates: number;
  deadLetters: number;
  versions: ScoreAnswer["versions"];
}>;
