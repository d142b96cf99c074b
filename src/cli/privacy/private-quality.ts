import { decodeEncoder } from "../../embedding/decode-encoder.ts";
import type { Encoder, History } from "../../embedding/encoder.ts";
import { FEATURES } from "../../features/all-families.ts";
import { CONTRIBUTION_GRID, COUNT_UNITS, clip, quantiseTowardZero } from "../../privacy/contribution.ts";
import { type NoisePlan, noisePlan } from "../../privacy/noise-plan.ts";
import { noisedSums } from "../../privacy/noised-sums.ts";
import type { RandomBits } from "../../privacy/random-bits.ts";
import { leastCount } from "../../privacy/shown-members.ts";
import { type CountedCentroid, cosineOf, expectedCosine, expectedCosines } from "../../privacy/utility.ts";
import { cellOf } from "../../resonance/evaluation/cell.ts";
import { DepthScores } from "../../resonance/evaluation/depth-scores.ts";
import type { Release } from "../../resonance/fit-release.ts";
import { type MaskedSample, maskedSamples } from "../../resonance/masked-members.ts";
import type { Calibration, Profile } from "../../resonance/published-profiles.ts";
import { newScoreBuffer, prepareScorer, type Scorer, scoreInto } from "../../resonance/scorer.ts";
import type { SegmentMap } from "../../resonance/segment-map.ts";

/** What privacy costs at one epsilon, over some draws of the noise. */
export type PrivateCell = Readonly<{
  epsilon: number;
  /** Standard deviation of the noise on each coordinate: of a bucket's sums, and of the window's. */
  sigma: number;
  windowNoise: number;
  /** Contributions that the noisy count must show before a segment is shown, and the share of draws in which all are. */
  leastCount: number;
  shown: number;
  /** Macro one-vs-rest AUC of masked users: by all noisy profiles, and by those that are shown. */
  auc: Spread;
  servedAuc: Spread;
  segments: readonly Readonly<{
    segment: string;
    /** Cosine of the noisy direction to the exact one: by the profile's own noise alone, with that of centre and counts, and as it was. */
    expectedAlone: number;
    expected: number;
    measured: Spread;
  }>[];
}>;

/** Mean and standard deviation over draws. */
export type Spread = Readonly<{ mean: number; deviation: number }>;

/** A map without privacy, and with it at each epsilon. */
export type PrivateQuality = Readonly<{
  map: string;
  dim: number;
  /** Masked users. */
  users: number;
  auc: number;
  segments: readonly Readonly<{
    segment: string;
    members: number;
    /** Length of the centred window sum: members times the distance of their mean from the centre. */
    signal: number;
  }>[];
  cells: readonly PrivateCell[];
}>;

/** How the noise is drawn. */
export type PrivateOptions = Readonly<{
  epsilons: readonly number[];
  delta: number;
  /** Buckets of the window, and those to which a user may contribute; each member contributes to one. */
  buckets: number;
  contributions: number;
  minMembers: number;
  draws: number;
  bits: RandomBits;
}>;

const BUCKET_MS = 86_400_000;

/**
 * What a release tells of masked users by exact profiles and by noisy ones. Every member contributes once, their whole
 * history's embedding, to one bucket of the window.
 */
export function privateQuality(
  release: Release,
  map: SegmentMap,
  split: Readonly<{ members: readonly History[]; masked: readonly History[] }>,
  options: PrivateOptions,
): PrivateQuality {
  const bench = new Bench(release, map, split);
  return {
    map: map.name,
    dim: bench.dim,
    users: bench.users,
    auc: bench.aucOf(bench.exact),
    segments: bench.segments(),
    cells: options.epsilons.map((epsilon) => bench.cellAt(epsilon, options)),
  };
}

type Sums = Readonly<{ sum: Float64Array; count: number }>;

class Bench {
  readonly exact: Scorer;
  readonly #map: SegmentMap;
  readonly #encoder: Encoder;
  readonly #calibration: Calibration;
  /** By segment, in units of the grid. */
  readonly #sums: readonly Sums[];
  readonly #counted: readonly CountedCentroid[];
  readonly #visitors: readonly MaskedSample[];
  readonly #labels: Int16Array;

  constructor(
    { artefact, calibrations }: Release,
    map: SegmentMap,
    { members, masked }: Readonly<{ members: readonly History[]; masked: readonly History[] }>,
  ) {
    const encoder = decodeEncoder(artefact, FEATURES);
    this.#map = map;
    this.#encoder = encoder;
    this.#calibration = calibrations.find((one) => one.map === map.name)!;
    const indexOf = new Map(map.segments.map(({ name }, k) => [name, k]));
    const labelOf = ({ labels }: History): number => indexOf.get(labels[map.name] ?? "") ?? -1;
    const isTold = (history: History): boolean => labelOf(history) >= 0 && history.events.length > 0;
    const embedded = (history: History) => maskedSamples(history, encoder, FEATURES, 0).at(-1)!;
    const sums = map.segments.map(() => ({ sum: new Float64Array(encoder.dim), count: 0 }));
    for (const history of members.filter(isTold)) {
      const held = sums[labelOf(history)]!;
      const units = quantiseTowardZero(clip(embedded(history).embedding)!);
      for (let i = 0; i < units.length; i++) held.sum[i]! += units[i]!;
      held.count++;
    }
    const visitors = masked.filter(isTold);
    this.#sums = sums;
    this.#labels = Int16Array.from(visitors, labelOf);
    this.#visitors = visitors.map(embedded);
    this.exact = this.#scorerOf(sums);
    this.#counted = sums.map(({ sum, count }) => ({
      centroid: sum.map((value) => (value * CONTRIBUTION_GRID) / Math.max(1, count)),
      count,
    }));
  }

  get dim(): number {
    return this.#encoder.dim;
  }

  get users(): number {
    return this.#visitors.length;
  }

  segments(): PrivateQuality["segments"] {
    return this.#map.segments.map(({ name }, k) => {
      const { centroid, count } = this.#counted[k]!;
      const apart = Array.from(centroid, (value, i) => value - this.exact.center[i]!);
      return { segment: name, members: count, signal: count * Math.hypot(...apart) };
    });
  }

  aucOf(scorer: Scorer): number {
    const segments = this.#map.segments.length;
    const scores = new DepthScores(this.users, segments, [0]);
    const buffer = newScoreBuffer(segments);
    for (const [u, { embedding, evidence }] of this.#visitors.entries()) {
      scoreInto(scorer, embedding, evidence, buffer);
      scores.put(0, u, buffer.probabilities);
    }
    return cellOf(scores.byDepth[0]!, this.#labels, segments).auc;
  }

  cellAt(epsilon: number, options: PrivateOptions): PrivateCell {
    const { delta, buckets, contributions, minMembers, draws, bits } = options;
    const budget = { epsilon, delta, contributions, versions: 1 };
    const privacy = { ...budget, minMembers, graceMs: 0, closedBy: "clock" } as const;
    const plan = noisePlan(privacy, { bucketMs: BUCKET_MS, buckets });
    const windowNoise = plan.sigma * Math.sqrt(buckets);
    const least = leastCount({ minMembers, contributions, countNoise: windowNoise });
    const drawn = Array.from({ length: draws }, () => {
      const noisy = this.#sums.map((one) => windowOf(one, plan, buckets, bits));
      const all = this.#scorerOf(noisy);
      const served = noisy.map((one) => (one.count >= least ? one : { ...one, count: 0 }));
      return {
        auc: this.aucOf(all),
        servedAuc: this.aucOf(this.#scorerOf(served)),
        areShown: served.every(({ count }) => count > 0),
        cosines: this.#map.segments.map((_, k) =>
          cosineOf(this.#direction(all, k), this.#direction(this.exact, k)),
        ),
      };
    });
    const expected = expectedCosines(this.#counted, windowNoise);
    const segments = this.segments().map(({ segment, signal }, k) => ({
      segment,
      expectedAlone: expectedCosine(this.dim, { noise: windowNoise, length: signal }),
      expected: expected[k]!,
      measured: spreadOf(drawn.map(({ cosines }) => cosines[k]!)),
    }));
    return {
      epsilon,
      sigma: plan.sigma,
      windowNoise,
      leastCount: least,
      shown: drawn.filter(({ areShown }) => areShown).length / draws,
      auc: spreadOf(drawn.map(({ auc }) => auc)),
      servedAuc: spreadOf(drawn.map(({ servedAuc }) => servedAuc)),
      segments,
    };
  }

  #direction({ directions }: Scorer, k: number): Float32Array {
    return directions.subarray(k * this.dim, (k + 1) * this.dim);
  }

  #scorerOf(sums: readonly Sums[]): Scorer {
    const { name, mode, threshold, segments } = this.#map;
    const profiles = segments.map(({ name: segment }, k): Profile => {
      const { sum, count } = sums[k]!;
      if (count <= 0) return { segment, members: 0, centroid: new Float32Array(this.dim) };
      const centroid = Float32Array.from(sum, (value) => (value * CONTRIBUTION_GRID) / count);
      return { segment, members: Math.max(1, Math.round(count)), centroid };
    });
    return prepareScorer({
      map: name,
      mode,
      version: 1,
      encoder: this.#encoder.version,
      dim: this.dim,
      watermarkMs: 0,
      profiles,
      background: 0,
      calibration: this.#calibration,
      threshold,
    });
  }
}

/** Noisy sums over a window: its contributions lie in one bucket, the noise in all of them. */
function windowOf({ sum, count }: Sums, { sigmaUnits }: NoisePlan, buckets: number, bits: RandomBits): Sums {
  const noisy = new Float64Array(sum.length);
  let units = 0;
  const none = new Float64Array(sum.length);
  for (let bucket = 0; bucket < buckets; bucket++) {
    const held = bucket === 0 ? { sum, count } : { sum: none, count: 0 };
    const values = noisedSums(held, sigmaUnits, bits);
    for (let i = 0; i < noisy.length; i++) noisy[i]! += values[i]!;
    units += values.at(-1) ?? 0;
  }
  return { sum: noisy, count: units / COUNT_UNITS };
}

function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}
