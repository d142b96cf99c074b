import type { ContextPrior } from "./cold-start/context-prior.ts";
import type { ContextTable } from "./cold-start/context-table.ts";
import type { PrecisionCurve } from "./precision-curve.ts";
import type { ReliabilityBin } from "./reliability.ts";
import type { ThresholdRule } from "./segment-map.ts";
import type { SegmentThreshold } from "./thresholds.ts";

/** What makes a similarity a probability: fitted on held-out members, a part of each release of an encoder. */
export type Calibration = Readonly<{
  /** The encoder whose similarities it reads. */
  encoder: string;
  map: string;
  /** Upper ends of the history-length bins in effective events; the last is Infinity (null in JSON). */
  depthEnds: readonly number[];
  /** Inverse temperature by bin, >= 0, not falling. */
  kappa: readonly number[];
  /** Intercept by segment, in the map's order; added to kappa * similarity + log prior. */
  intercepts: readonly number[];
  /** Logit of "none" relative to log prior of none. */
  noneIntercept: number;
  /** Held-out members that it was fitted on; 0 for the default. */
  members: number;
  /** Factor of the inverse temperature by segment, > 0, in an independent map; 1 each if left out. */
  slopes?: readonly number[];
  /**
   * Shares that take the place of the members': in an exclusive map of each segment and then of "none", in an independent
   * one the base rate of each segment.
   */
  prior?: readonly number[];
  /** What the context of a first visit tells; left out where it tells nothing. */
  contextPrior?: ContextPrior;
}>;

/** How well a calibration told held-out users, one vote each. */
export type CalibrationQuality = Readonly<{
  /** Whose shares the users were given: the members', or those estimated of the traffic. */
  prior: "members" | "traffic";
  users: number;
  /** Mean negative log-likelihood, nats; in an independent map summed over the segments. */
  logLoss: number;
  /** Expected calibration error, over 15 bins of equal mass. */
  ece: number;
  /** Of the highest probability in an exclusive map, of every segment's in an independent one. */
  reliability: readonly ReliabilityBin[];
  /** By segment, in the map's order. */
  curves: readonly PrecisionCurve[];
}>;

/** A calibration with what it was fitted for and how well it does: what is kept of a fit. */
export type FittedCalibration = Calibration &
  Readonly<{
    /** Segments that it is for, in order. Fits of earlier builds do not say. */
    segments?: readonly string[];
    quality?: CalibrationQuality;
  }>;

/** A segment's profile: the centroid of its members' embeddings over the window. */
export type Profile = Readonly<{
  segment: string;
  /** Distinct members in the window; of a private map, no more than those, apart from noise. */
  members: number;
  /** Shape [dim]: sum of the members' embeddings by their count; all zero without members. */
  centroid: Float32Array;
}>;

/** What a map's published profiles promise each of its users, and what that has cost them. */
export type PublishedPrivacy = Readonly<{
  /** Of all contributions of a user to any `windowMs`: the promise. */
  epsilon: number;
  delta: number;
  windowMs: number;
  /** Buckets of a window to which a user contributes at most. */
  contributions: number;
  /**
   * What the newest window costs at `delta`: by the bound that the budget is kept by, and for continuous noise exactly; and the
   * share of the budget, in zCDP, that is spent.
   */
  window: Readonly<{ epsilon: number; exact: number; share: number }>;
  /** All releases ever, and their epsilon for a user who contributed to each of them, exactly for continuous noise. */
  lifetime: Readonly<{ releases: number; epsilon: number }>;
  /** Releases that were refused, since they would have gone beyond the budget. */
  refused: number;
  /** Buckets in the profiles, and the standard deviation of the noise on each coordinate of their sum; 0 without any. */
  buckets: number;
  noise: number;
}>;

/** A private map, as `status` tells of it. */
export type MapPrivacyView = PublishedPrivacy &
  Readonly<{
    map: string;
    /** Buckets that are closed, and wait for their noise. */
    waiting: number;
  }>;

/** What noise does to a map's profiles, measured against what its members did contribute. */
export type MeasuredPrivacy = Readonly<{
  /** Contributions that the noisy count must show before a segment is shown. */
  leastCount: number;
  segments: readonly Readonly<{
    segment: string;
    isShown: boolean;
    /** Contributions in the window: by the noisy count, and as the members that are held now have them. */
    count: number;
    exactCount: number;
    /** Cosine of the noisy direction to the exact one; null where one of them has no contributions. */
    expected: number | null;
    measured: number | null;
  }>[];
  /** How well the members' own newest embeddings are told, macro one-vs-rest, over so many of them; null without two segments. */
  auc: Readonly<{ exact: number; noisy: number; members: number }> | null;
}>;

/** A private map, and how far noise has moved its profiles, as the profile actor tells. */
export type MapPrivacyReport = MapPrivacyView &
  Readonly<{
    /** Standard deviation of the noise on each coordinate of one bucket's sums. */
    sigma: number;
    /** Null before the first noised bucket, and if it was not asked for. Not covered by any noise. */
    measured: MeasuredPrivacy | null;
  }>;

/** The profiles of one map, as published: everything that scoring needs beside the embedding. */
export type PublishedProfiles = Readonly<{
  map: string;
  mode: "exclusive" | "independent";
  /** Grows by one a publication. */
  version: number;
  encoder: string;
  dim: number;
  /** Event time of the newest sample, epoch ms. */
  watermarkMs: number;
  profiles: readonly Profile[];
  /** Authenticated users without a segment of this map in the window: evidence for "none". */
  background: number;
  calibration: Calibration;
  /** Key of the store's value in which the calibration lies with its quality; left out if it is the default. */
  fittedIn?: string;
  /** As the map defines it. */
  threshold: ThresholdRule;
  /** By segment; left out if all have the map's, and that is not by precision. */
  thresholds?: readonly SegmentThreshold[];
  /** The context prior's table, from where the calibration is stored: it is not a part of what is published. */
  contextTable?: ContextTable;
  /** Of a map whose profiles are noised: then counts are noisy too, and of members by the buckets that they contributed to. */
  privacy?: PublishedPrivacy;
}>;
