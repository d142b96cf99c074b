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
}>;

/** All maps of a deployment, under one version that only grows. */
export type SegmentDefinitions = Readonly<{ version: number; maps: readonly SegmentMap[] }>;
