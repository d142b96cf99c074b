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
}>;

/** A segment's profile: the centroid of its members' embeddings over the window. */
export type Profile = Readonly<{
  segment: string;
  /** Distinct members in the window. */
  members: number;
  /** Shape [dim]: sum of the members' embeddings by their count; all zero without members. */
  centroid: Float32Array;
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
  threshold: Readonly<{ enter: number; minEvidence: number }>;
}>;
