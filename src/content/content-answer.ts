import type { PolicyName } from "./policy.ts";

/**
 * What a choice rests on, from the best to the least: `member`, the user's segment is known; `resonance`, the live distribution of
 * their behaviour and feedback; `context`, how they came is all that is known of them; `prior`, nothing is known of them, or no profiles are published; `popularity`, what all users
 * click, since their map is not in force, their shard does not answer, or they may not be personalised for.
 */
export type ContentBasis = "member" | "resonance" | "context" | "prior" | "popularity";

/** The answer of `content`. */
export type ContentAnswer = Readonly<{
  user: string;
  placement: string;
  /** The id of what to show; null if nothing may be shown. */
  content: string | null;
  /** Why there is nothing to show; or `consent`: why it was not chosen for this user, who may not be personalised for. */
  reason?: "nothing-eligible" | "consent";
  /** The user's likeliest segment in the placement's map; null if that is "none", or not known. */
  segment: string | null;
  /** How it was chosen. */
  arm: PolicyName;
  /** The experiment that the user is in at this placement, and the name of their arm. */
  experiment?: Readonly<{ name: string; arm: string }>;
  basis: ContentBasis;
  /** Probability with which this content is chosen for this user now, in [0, 1]; 0 if there is none. */
  propensity: number;
  /** To be sent with what is heard of the content: its impression, a click, a purchase, a dismissal. */
  decision: string;
  versions: Readonly<{
    /** Of the catalogue. */
    content: number;
    /** 0 before anything was clicked. */
    rates: number;
    /** Of the map's profiles; 0 before the first publication. */
    profiles: number;
  }>;
  ages: Readonly<{
    /** Milliseconds since the user's newest event; null for an unknown user. */
    contextMs: number | null;
    /** Milliseconds since the profiles were activated; null before the first. */
    profilesMs: number | null;
  }>;
  /** The shard and the last log sequence that the answer contains; null if no shard answered. */
  position: Readonly<{ shard: number; sequence: number }> | null;
}>;

/** What is asked of each user beside who they are. */
export type ContentAspect = Readonly<{ placement: string }>;

/**
 * The gateway's request to a shard, as MessagePack, on `internal.shard.<n>.content`; the reply is a
 * {@link import("../resonance/score-answer.ts").ShardScoreReply} with one {@link ContentAnswer} a user, written as the request says.
 * Errors: `UNKNOWN_PLACEMENT`, `NO_CONTENT` and `NOT_OWNER` (the last one retryable).
 */
export type ShardContentRequest = ContentAspect &
  Readonly<{
    users: readonly string[];
    /** How the answers are written; MessagePack if left out. */
    type?: "application/json" | "application/msgpack";
    /** Where the answer for each user is sent straight away; "" for those that come back in the reply. */
    askers?: readonly string[];
    /** How each user came, as the request tells: an {@link import("../features/arrival.ts").Arrival}'s numbers, or null. */
    arrivals?: readonly (readonly number[] | null)[];
  }>;

/** A decision as the stream of decisions keeps it, many in a message, as MessagePack. */
export type LoggedDecision = readonly [
  decision: string,
  user: string,
  placement: string,
  content: string | null,
  arm: PolicyName,
  basis: ContentBasis,
  propensity: number,
  /** How many contents could have been chosen. */
  eligible: number,
  atMs: number,
];
