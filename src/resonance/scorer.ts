import { DimensionMismatch } from "../embedding/dimension-mismatch.ts";
import { vectorKernels } from "../embedding/vector-kernels.ts";
import { VersionMismatch } from "../embedding/version-mismatch.ts";
import type { ContextTable } from "./cold-start/context-table.ts";
import { logPriorOf } from "./log-prior.ts";
import type { Calibration, PublishedProfiles } from "./published-profiles.ts";
import { evenLength, lanesOf, SCORER_PLACEMENT } from "./scorer-placement.ts";
import type { SegmentMap } from "./segment-map.ts";
import { segmentThresholds } from "./segment-thresholds.ts";
import { readyThresholds, type Thresholds } from "./thresholds.ts";

/** Published profiles, made ready so that a score is a few dot products. */
export type Scorer = Readonly<{
  map: string;
  /** 0 before the first publication. */
  version: number;
  encoder: string;
  mode: "exclusive" | "independent";
  segments: readonly string[];
  dim: number;
  /** Unweighted mean of the centroids that have members; shape [dim]. */
  center: Float32Array;
  /**
   * Directions from the centre to each centroid; shape [segments x dim], zero without members. Their length is 1; where each
   * segment has a slope, that over the largest one, by which the inverse temperatures are multiplied instead.
   */
  directions: Float32Array;
  /** By segment, what a product with its direction is multiplied by to be a cosine; left out where that is 1. */
  cosineScales?: Float64Array;
  /** Exclusive: log prior a segment, then of "none". Independent: log odds of each base rate, then unused. */
  logPrior: Float64Array;
  calibration: Calibration;
  thresholds: Thresholds;
  /** What the context of a first visit tells; left out where nothing is known of that. */
  contextTable?: ContextTable;
}>;

/** Where a score is written, so that scoring allocates nothing. */
export type ScoreBuffer = {
  /** Shape [segments + 1]; "none" is last. */
  probabilities: Float64Array;
  /** Shape [segments]; in [-1, 1]. */
  similarities: Float64Array;
};

/** A buffer for maps of up to this many segments. */
export function newScoreBuffer(segments: number): ScoreBuffer {
  return { probabilities: new Float64Array(segments + 1), similarities: new Float64Array(segments) };
}

/** Members that each segment is credited with before any is seen: one user does not make a prior of 1. */
const PRIOR_MEMBERS = 1;
/** Background users credited; small, since a deployment whose users are all labelled has no "none". */
const PRIOR_BACKGROUND = 0.5;
/** A direction shorter than this is noise: the centroid is the centre. */
const SHORTEST = 1e-9;

/**
 * Centres the centroids, normalises their directions and takes the logs of the priors, once a publication.
 *
 * @see METHODS 2.3: z = x - g, u_k = c_k - g, both normalised; whitening is part of the encoder.
 */
export function prepareScorer(published: PublishedProfiles): Scorer {
  const { profiles, dim } = published;
  const center = new Float32Array(dim);
  const populated = profiles.filter((profile) => profile.members > 0);
  for (const { centroid } of populated) {
    if (centroid.length !== dim) throw new DimensionMismatch({ expected: dim, actual: centroid.length });
    for (let i = 0; i < dim; i++) center[i] = center[i]! + centroid[i]! / populated.length;
  }
  const { calibration, cosineScales } = evenSlopes(published.calibration);
  const directions = new Float32Array(profiles.length * dim);
  for (const [k, profile] of profiles.entries()) {
    if (profile.members === 0) continue;
    writeDirection(profile.centroid, center, directions, k * dim);
    const length = 1 / (cosineScales?.[k] ?? 1);
    if (length !== 1) for (let i = 0; i < dim; i++) directions[k * dim + i]! *= length;
  }
  return {
    map: published.map,
    version: published.version,
    encoder: published.encoder,
    mode: published.mode,
    segments: profiles.map((profile) => profile.segment),
    dim,
    center,
    directions,
    ...(cosineScales === undefined ? {} : { cosineScales }),
    logPrior: logPriors(published),
    calibration,
    thresholds: readyThresholds(profiles.length, published.threshold, published.thresholds),
    ...(published.contextTable === undefined ? {} : { contextTable: published.contextTable }),
  };
}

/** The kernel has one inverse temperature for all segments: what their own differ by is the lengths of directions. */
function evenSlopes(given: Calibration): {
  calibration: Calibration;
  cosineScales: Float64Array | undefined;
} {
  const { slopes, ...calibration } = given;
  if (slopes === undefined) return { calibration, cosineScales: undefined };
  const largest = Math.max(...slopes);
  const kappa = calibration.kappa.map((one) => one * largest);
  const cosineScales = Float64Array.from(slopes, (slope) => largest / slope);
  return { calibration: { ...calibration, kappa }, cosineScales };
}

/** What serves before the first publication: an even prior with an even "none", and no similarity. */
export function priorScorer(
  map: SegmentMap,
  encoder: { readonly version: string; readonly dim: number },
): Scorer {
  const segments = map.segments.map((segment) => segment.name);
  // An even share for each segment and for none; as log odds where each segment stands alone.
  const even = map.mode === "exclusive" ? -Math.log(segments.length + 1) : -Math.log(segments.length);
  return {
    map: map.name,
    version: 0,
    encoder: encoder.version,
    mode: map.mode,
    segments,
    dim: encoder.dim,
    center: new Float32Array(encoder.dim),
    directions: new Float32Array(segments.length * encoder.dim),
    logPrior: new Float64Array(segments.length + 1).fill(even),
    calibration: {
      encoder: encoder.version,
      map: map.name,
      depthEnds: [Number.POSITIVE_INFINITY],
      kappa: [0],
      intercepts: segments.map(() => 0),
      noneIntercept: 0,
      members: 0,
    },
    thresholds: readyThresholds(segments.length, map.threshold, segmentThresholds(map, undefined)),
  };
}

/**
 * Writes the distribution of one user.
 *
 * Without evidence it is exactly the prior; below one effective event the evidence counts in proportion.
 *
 * @param embedding - Shape [dim].
 * @param evidence - Effective events, >= 0.
 * @param offsets - What this user's log prior differs from everybody's by, if it does; shape [segments + 1], "none" last.
 * @throws {@link DimensionMismatch} if the embedding is of another encoder.
 */
export function scoreInto(
  scorer: Scorer,
  embedding: Float32Array,
  evidence: number,
  out: ScoreBuffer,
  offsets?: Float64Array,
): void {
  const { dim, segments, center, calibration, cosineScales, logPrior } = scorer;
  if (embedding.length !== dim) throw new DimensionMismatch({ expected: dim, actual: embedding.length });
  const { similarities, probabilities } = out;
  const count = segments.length;
  const lanes = lanesOf(count);
  const kernels = vectorKernels();
  const { float64 } = kernels;
  const place = kernels.place(scorer, SCORER_PLACEMENT);
  const probabilitiesAt = place / 8;
  const similaritiesAt = probabilitiesAt + lanes;
  const zAt = similaritiesAt + lanes;
  for (let i = 0; i < dim; i++) float64[zAt + i] = embedding[i]! - center[i]!;
  const trust = Math.min(1, evidence);
  const kappa = kappaAt(calibration, evidence);
  const logPriorsAt = zAt + evenLength(dim) + lanes;
  if (offsets !== undefined)
    for (let k = 0; k <= count; k++) float64[logPriorsAt + k] = logPrior[k]! + offsets[k]!;
  const exclusive = scorer.mode === "exclusive" ? 1 : 0;
  kernels.score(place, dim, count, trust, kappa, SHORTEST * SHORTEST, exclusive);
  for (let k = 0; k < count; k++) {
    similarities[k] = float64[similaritiesAt + k]!;
    probabilities[k] = float64[probabilitiesAt + k]!;
  }
  probabilities[count] = float64[probabilitiesAt + count]!;
  if (offsets !== undefined) float64.set(logPrior, logPriorsAt);
  if (cosineScales !== undefined) for (let k = 0; k < count; k++) similarities[k]! *= cosineScales[k]!;
}

/**
 * As {@link scoreInto}, of an embedding that tells whose it is: between encoder versions there is no similarity.
 *
 * @throws {@link VersionMismatch} if embedding and profiles are of two encoders.
 */
export function scoreEmbedded(
  scorer: Scorer,
  { embedding, embeddedBy }: Readonly<{ embedding: Float32Array; embeddedBy: string }>,
  evidence: number,
  out: ScoreBuffer,
  offsets?: Float64Array,
): void {
  if (embeddedBy !== scorer.encoder)
    throw new VersionMismatch({ expected: scorer.encoder, actual: embeddedBy });
  scoreInto(scorer, embedding, evidence, out, offsets);
}

/** Inverse temperature for a history of this many effective events. */
export function kappaAt(calibration: Pick<Calibration, "depthEnds" | "kappa">, evidence: number): number {
  return calibration.kappa[depthBinOf(calibration, evidence)] ?? 0;
}

/** Bin of a history of this many effective events. */
export function depthBinOf({ depthEnds }: Pick<Calibration, "depthEnds">, evidence: number): number {
  let bin = 0;
  // Decay leaves 1.98 of 2 events: they are still two.
  while (bin < depthEnds.length - 1 && Math.round(evidence) > depthEnds[bin]!) bin++;
  return bin;
}

function writeDirection(centroid: Float32Array, center: Float32Array, out: Float32Array, at: number): void {
  let squared = 0;
  for (let i = 0; i < center.length; i++) squared += (centroid[i]! - center[i]!) ** 2;
  if (squared <= SHORTEST * SHORTEST) return;
  const scale = 1 / Math.sqrt(squared);
  for (let i = 0; i < center.length; i++) out[at + i] = (centroid[i]! - center[i]!) * scale;
}

function logPriors(published: PublishedProfiles): Float64Array {
  const { profiles, background, mode, calibration } = published;
  if (calibration.prior !== undefined) return logPriorOf(calibration.prior, mode);
  const members = profiles.map((profile) => profile.members + PRIOR_MEMBERS);
  const none = background + PRIOR_BACKGROUND;
  const total = members.reduce((sum, count) => sum + count, none);
  const logPrior = new Float64Array(profiles.length + 1);
  for (const [k, count] of members.entries()) {
    logPrior[k] = mode === "exclusive" ? Math.log(count / total) : Math.log(count / (total - count));
  }
  logPrior[profiles.length] = Math.log(none / total);
  return logPrior;
}
