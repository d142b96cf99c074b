/** A test on a user's traits. Never an expression language: a tree of a few safe nodes. */
export type Condition =
  | Readonly<{ trait: string; equals: string | number | boolean }>
  | Readonly<{ trait: string; in: readonly (string | number | boolean)[] }>
  | Readonly<{ trait: string; range: Readonly<{ min?: number; max?: number }> }>
  | Readonly<{ trait: string; exists: boolean }>
  | Readonly<{ and: readonly Condition[] }>
  | Readonly<{ or: readonly Condition[] }>
  | Readonly<{ not: Condition }>;

/**
 * When a segment starts to resonate: at a probability, or where this share of those who resonate belongs to it, as far as
 * held-out members prove with this confidence. Nobody does below `minEvidence` effective events.
 */
export type ThresholdRule =
  | Readonly<{ enter: number; minEvidence: number }>
  | Readonly<{ precision: number; confidence: number; minEvidence: number }>;

export type SegmentDefinition = Readonly<{
  name: string;
  /** Members by rule: users whose traits pass. A label sent with `identify` comes first. */
  rule?: Condition;
  /** In the place of the map's. */
  threshold?: ThresholdRule;
}>;

/**
 * Differential privacy of a map's published profiles: one user's contributions to any window of consecutive buckets, added
 * or removed, change what is published by no more than (epsilon, delta).
 */
export type MapPrivacy = Readonly<{
  /** > 0. */
  epsilon: number;
  /** In (0, 1), far below one by the number of members. */
  delta: number;
  /** Buckets of a window to which one user may contribute, 1 to all. */
  contributions: number;
  /** Members that have to be proven before a segment's profile is shown. */
  minMembers: number;
  /** Releases of one bucket that the budget has room for: encoders, or definitions, that follow one another within a window. */
  versions: number;
  /** How long after its end a bucket still takes late samples, ms. */
  graceMs: number;
  /**
   * What ends a bucket: the node's clock, or for replays of old events the time of the newest one. The latter lets one user's
   * events decide whose are late, which no noise hides.
   */
  closedBy: "clock" | "events";
}>;

/** A set of segments that share one distribution. */
export type SegmentMap = Readonly<{
  name: string;
  /** `exclusive`: one softmax with "none". `independent`: one sigmoid a segment. */
  mode: "exclusive" | "independent";
  segments: readonly SegmentDefinition[];
  /** The rolling window of the profiles, by event time. */
  window: Readonly<{ bucketMs: number; buckets: number }>;
  /** A segment starts to resonate at `enter` and stops below sigmoid(logit(enter) - 0.7). */
  threshold: ThresholdRule;
  /** Whose shares the probabilities start from; `traffic`: those estimated of anonymous users. Left out: the members'. */
  prior?: "members" | "traffic";
  /** Whether what is published of the map is noised, and how much. Left out: it is exact. */
  privacy?: MapPrivacy;
}>;

/** All maps of a deployment, under one version that only grows. */
export type SegmentDefinitions = Readonly<{
  version: number;
  maps: readonly SegmentMap[];
  /** Map to the key of its sums at the profile actor, if that is not its name: see {@link ledgerKey}. */
  keys?: Readonly<Record<string, string>>;
}>;

/**
 * What the profile actor keeps a map's sums under. A map whose members are others than before gets a new key, so that
 * its profiles are built beside those in force.
 */
export function ledgerKey({ keys }: Pick<SegmentDefinitions, "keys">, map: string): string {
  return keys?.[map] ?? map;
}

/** A map that is built beside another one has a key with this in it; no name of a map does. */
const BESIDE = "@";

/** The key of a map whose members are others from a version of the definitions on. */
export function newLedgerKey(map: string, version: number): string {
  return `${map}${BESIDE}${version}`;
}

/** Whether a map's sums began without the members that there were: each is counted from when it is first told of. */
export function isBuiltBeside(key: string): boolean {
  return key.includes(BESIDE);
}

/** The maps as the profile actor's ledgers know them: by their keys. */
export function ledgerMaps(definitions: SegmentDefinitions): readonly SegmentMap[] {
  return definitions.maps.map((map) => ({ ...map, name: ledgerKey(definitions, map.name) }));
}

/** What shards call definitions whose members they have told of, all of them. */
export function preparedKey(version: number): string {
  return `segments@${version}`;
}
