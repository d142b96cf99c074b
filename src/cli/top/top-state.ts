/** What `resonance top` shows, at one moment. Rates are a second's; null where two looks are needed, or it may not be seen. */
export type TopState = Readonly<{
  timeMs: number;
  ready: boolean;
  /** What is not as it should be, a few words each. */
  troubles: readonly string[];
  users: number;
  /** Log entries not folded yet, over all shards, and of the last looks, oldest first. */
  lag: number;
  lagBefore: readonly number[];
  /** Behaviours folded a second, over all shards, and of the last looks, oldest first. */
  eventsPerSecond: number | null;
  eventsBefore: readonly number[];
  /** Answers of `score` and its like a second. */
  scoresPerSecond: number | null;
  statusMs: number;
  nodes: readonly TopNode[];
  shards: readonly TopShard[];
  endpoints: readonly TopEndpoint[];
  segments: readonly TopSegment[];
  refusals: readonly TopRefusal[];
}>;

export type TopNode = Readonly<{
  name: string;
  roles: readonly string[];
  owns: number;
  standsBy: number;
  /** Behaviours folded by the shards that it owns. */
  eventsPerSecond: number | null;
  lag: number;
  state: "well" | "silent" | "leaving";
}>;

export type TopShard = Readonly<{
  shard: number;
  owner: string | null;
  eventsPerSecond: number | null;
  lag: number | null;
  users: number;
  resident: number;
  deadLetters: number;
  diskFull: boolean;
}>;

export type TopEndpoint = Readonly<{
  endpoint: string;
  perSecond: number;
  /** Mean of the answers since the last look, ms; null if there was none. */
  meanMs: number | null;
  failedPerSecond: number;
}>;

/** A segment that users enter and leave. */
export type TopSegment = Readonly<{ segment: string; enteredPerSecond: number; leftPerSecond: number }>;

/** Of the gateways that were heard of. */
export type TopRefusal = Readonly<{ code: string; count: number; perSecond: number | null }>;

/** What nodes, shards and endpoints are sorted by. */
export const TOP_ORDERS = ["lag", "rate", "name"] as const;
export type TopOrder = (typeof TOP_ORDERS)[number];
