import type { WarmUpView } from "./roll-out-view.ts";

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
  /** In the order of the map's definition; with `top`, the strongest first. */
  segments: readonly SegmentScore[];
  /** Probability of no segment; 0 in an independent map. */
  none: number;
}>;

/** What an answer was computed with. */
export type Versions = Readonly<{
  encoder: string;
  /** False while the untrained projection serves. */
  trained: boolean;
  /** Map to version of the profiles in force; 0 before the first publication. */
  profiles: Readonly<Record<string, number>>;
  segments: number;
}>;

/** One user's answer, as services see it. */
export type ScoreAnswer = Resonance &
  Readonly<{
    user: string;
    /** Why the prior is told of somebody of whom something is held: they may not be personalised for. */
    reason?: "consent";
    /** False if nothing is held, or may be used, of this user: the distribution is then the prior, or what the request's context makes of it. */
    known: boolean;
    /** Effective events behind the answer. */
    evidence: number;
    versions: Versions;
    ages: Readonly<{
      /** Milliseconds since the user's newest event; null for an unknown user. */
      contextMs: number | null;
      /** Milliseconds since the profiles in force were activated in this shard, by map; null before the first. */
      profilesMs: Readonly<Record<string, number | null>>;
    }>;
    /** The shard and the last log sequence that the answer contains. */
    position: Readonly<{ shard: number; sequence: number }>;
    /** Id of this answer: feedback and explanations refer to it. */
    decision: string;
  }>;

/** What is asked of each user beside who they are. */
export type ScoreAspect = Readonly<{
  /** The first map that is defined, if left out. */
  map?: string;
  /** So many of the strongest segments, strongest first; all in their order if left out. */
  top?: number;
}>;

/** Values that columns may hold beside the probabilities. */
export const COLUMN_FIELDS = ["similarities", "resonating"] as const;
export type ColumnField = (typeof COLUMN_FIELDS)[number];

/** The gateway's request to a shard's owner, as MessagePack, on `internal.shard.<n>.score`. */
export type ShardScoreRequest = ScoreAspect &
  Readonly<{
    users: readonly string[];
    /** How the answers are written; MessagePack if left out. */
    type?: "application/json" | "application/msgpack";
    /** Where the answer for each user is sent straight away; "" for those that come back in the reply. */
    askers?: readonly string[];
    /** How each user came, as the request tells: an {@link import("../features/arrival.ts").Arrival}'s numbers, or null. */
    arrivals?: readonly (readonly number[] | null)[];
    /** One {@link ShardColumns} for all users instead of an answer each, with these values beside the probabilities. */
    columns?: readonly ColumnField[];
    /** Answer only once this sequence is folded. */
    atLeast?: number;
    /** How long to wait for `atLeast`, ms. */
    waitMs?: number;
    /** Traces that some of the requests are parts of, as `traceparent`. */
    traces?: readonly string[];
  }>;

/**
 * The shard's reply, under the epoch of its owner's lease; 0 if another copy answered. `answers` holds one
 * {@link ScoreAnswer} a user in order, written as the request says, without those that went to their askers; or one
 * {@link ShardColumns} as MessagePack.
 * Errors: `UNKNOWN_MAP`, `NO_SEGMENTS`, `NOT_CAUGHT_UP` and `NOT_OWNER` (the last two retryable).
 */
export type ShardScoreReply = Readonly<{ answers: readonly Uint8Array[]; epoch: number }>;

/** Many users' values of one map, a row a user; float32 is little-endian. */
export type ShardColumns = Readonly<{
  segments: readonly string[];
  versions: Versions;
  position: ScoreAnswer["position"];
  /** Shape [users]; 0 or 1. */
  known: Uint8Array;
  /** Float32 of shape [users], each. */
  evidence: Uint8Array;
  none: Uint8Array;
  /** Float32 of shape [users x segments], each. */
  probabilities: Uint8Array;
  similarities?: Uint8Array;
  /** Shape [users x segments]; 0 or 1. */
  resonating?: Uint8Array;
}>;

/**
 * A session of which nothing is stored, on `internal.shard.<n>.session`, as MessagePack: `behaviours` are
 * {@link import("../events/log-entry.ts").Behaviour} values in the order to fold. The reply is a ShardScoreReply with one answer.
 */
export type ShardSessionRequest = ScoreAspect &
  Pick<ShardScoreRequest, "type"> &
  Readonly<{
    behaviours: readonly unknown[];
    /** How the visitor came, as the request tells. */
    arrival?: readonly number[];
    /** What the caller carried: `state` of the last {@link CarriedState}. */
    carried?: Uint8Array;
    /** Whether the reply is to have a second answer, a {@link CarriedState} as MessagePack. */
    carries?: boolean;
  }>;

/**
 * How much of a session's past counts: there was none, or all of it does; under another encoder than before, the newest events of it;
 * or none of it any more, since another build wrote it.
 */
export type CarriedPart = "nothing" | "all" | "recent" | "outdated";

/** A session as its caller is to carry it. */
export type CarriedState = Readonly<{ part: CarriedPart; state: Uint8Array }>;

/** What was left out for want of consent, as plain data, which crosses threads and the wire. */
export type WithheldFigures = Readonly<{
  /** By `purpose.family.reason`; the family is `all` of behaviours that were left out as a whole. */
  withheld: Readonly<Record<string, number>>;
  /** By purpose: what users took back of whom something was held for it. */
  withdrawals: Readonly<Record<string, number>>;
}>;

/** A shard's own state on `internal.shard.<n>.status`, as MessagePack (empty request). */
export type ShardStatus = Readonly<{
  shard: number;
  node: string;
  /** Epoch of the owner's lease. */
  epoch: number;
  ready: true;
  /** Whether its commits wait for room on the disk; scores are answered from memory meanwhile. */
  diskFull: boolean;
  /** Last log sequence folded: what answers contain. */
  applied: number;
  /** Last log sequence that is committed with all that it changed; what is behind it is folded again after a crash. */
  committed: number;
  /** Log entries not folded yet. */
  lag: number;
  /** Contexts in memory, and all that are stored. */
  resident: number;
  users: number;
  /** Behaviours folded since the thread started, and those that a repeated id left without effect. */
  events: number;
  duplicates: number;
  deadLetters: number;
  /** Behaviours of which something, or all, was left out for want of consent; and purposes that users took back. */
  withheld: number;
  withdrawals: number;
  /** Both by purpose; left out by older nodes. */
  withheldBy?: WithheldFigures;
  /** Users who were found to be programs since the thread started: they are answered, and are no members. */
  bots: number;
  /** Erasures that are not done everywhere. */
  erasing: number;
  /** Choices of content that the stream of decisions did not take. */
  lostDecisions: number;
  versions: Versions;
  /** What it samples its members for; empty for nothing. */
  warmUps: readonly WarmUpView[];
}>;
