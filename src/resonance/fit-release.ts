import type { History } from "../embedding/encoder.ts";
import { type FitMaterial, prepareFit } from "../embedding/fit-material.ts";
import type { FitOptions } from "../embedding/fit-options.ts";
import { encodeArtefact } from "../embedding/linear-artefact.ts";
import { artefactOf, embedSamples, fitWithout } from "../embedding/linear-fit.ts";
import { scale } from "../embedding/vector.ts";
import type { Arrival } from "../features/arrival.ts";
import type { FeatureSchema } from "../features/feature-schema.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { calibrate } from "./calibrate.ts";
import { arrivalsOf } from "./cold-start/fit-context-prior.ts";
import { defaultCalibration } from "./default-calibration.ts";
import type { HeldOutScores } from "./held-out-scores.ts";
import { calibrationError, logLoss, macroAuc } from "./metrics.ts";
import type { Calibration, FittedCalibration, Profile, PublishedProfiles } from "./published-profiles.ts";
import { reportIndependent } from "./report-independent.ts";
import { kappaAt, newScoreBuffer, prepareScorer, type Scorer, scoreInto } from "./scorer.ts";
import type { SegmentMap } from "./segment-map.ts";

/** How well a release tells held-out members apart, after the whole of their history. */
export type HeldOutReport = Readonly<{
  members: number;
  logLoss: number;
  /** Log-loss of the members' frequencies alone. */
  priorLogLoss: number;
  /** Macro one-vs-rest; null if fewer than two segments have members. */
  auc: number | null;
  /** Confidence ECE over 15 bins of equal mass. */
  ece: number;
}>;

export type ReleaseReport = Readonly<{
  /** Members and background users that the fit used. */
  members: number;
  /** By map; a map without members is left out. */
  heldOut: Readonly<Record<string, HeldOutReport>>;
  /**
   * Of a network: the steps that were best for members held out, and what those gained over the linear encoder that
   * it started from, in nats a member, with the standard error. 0 steps: nothing beyond chance, so that one serves.
   */
  network?: Readonly<{ steps: number; gain: number; error: number }>;
}>;

/** A fitted encoder with what makes its similarities probabilities. */
export type Release = Readonly<{
  version: string;
  /** For {@link import("../embedding/decode-encoder.ts").decodeEncoder}. */
  artefact: Uint8Array;
  /** One for each map, in order. */
  calibrations: readonly FittedCalibration[];
  /** What they were fitted on; one for each map, in order. */
  heldOut: readonly HeldOutScores[];
  report: ReleaseReport;
}>;

const ECE_BINS = 15;
/** Stands for the encoder of a fold, which is never served. */
const HELD_OUT = "held-out";

/**
 * Fits encoder and calibration, deterministically.
 *
 * The calibration is fitted as anonymous visitors will be scored: for each part of the members, encoder and profiles
 * are fitted without it, and its histories, cut short at several lengths, are scored by them.
 *
 * @throws EngineError `TOO_FEW_MEMBERS` (not retryable) if no map has two segments with members.
 */
export function fitRelease(
  histories: readonly History[],
  maps: readonly SegmentMap[],
  schema: FeatureSchema,
  options: Partial<FitOptions>,
): Release {
  const labelled = maps.map(({ name, segments }) => ({
    name,
    segments: segments.map((segment) => segment.name),
  }));
  const material = prepareFit(histories, labelled, schema, options);
  if (!maps.some((_, m) => new Set(material.corpus.labels[m]?.filter((label) => label >= 0)).size > 1)) {
    const message = "no map has members in two segments, so there is nothing to tell apart";
    throw new EngineError({ code: "TOO_FEW_MEMBERS", message, retryable: false });
  }
  const artefact = artefactOf(material, fitWithout(material, undefined));
  const heldOut = maps.map((map) => new HeldOutCollector(map));
  for (let fold = 0; fold < material.options.folds; fold++) {
    scoreFold(material, maps, fold, heldOut);
  }
  const given = {
    version: artefact.version,
    artefact: encodeArtefact(artefact),
    members: material.corpus.users,
  };
  return releaseOf(given, maps, heldOut, histories);
}

/**
 * Calibrates an encoder on what held-out users look like to it, one collector a map.
 *
 * @param histories - All members: what contexts tell is learnt from everybody's.
 */
export function releaseOf(
  { version, artefact, members }: Readonly<{ version: string; artefact: Uint8Array; members: number }>,
  maps: readonly SegmentMap[],
  heldOut: readonly HeldOutCollector[],
  histories: readonly History[],
): Release {
  const scores = heldOut.map((collector) => collector.scores());
  const calibrations = maps.map((map, m) => calibrate(version, map, scores[m]!, arrivalsOf(map, histories)));
  const reports = maps.flatMap((map, m) => {
    const report =
      map.mode === "independent"
        ? reportIndependent(calibrations[m]!, scores[m]!)
        : heldOut[m]!.report(calibrations[m]!);
    return report === undefined ? [] : [[map.name, report] as const];
  });
  return {
    version,
    artefact,
    calibrations,
    heldOut: scores,
    report: { members, heldOut: Object.fromEntries(reports) },
  };
}

/** Fits without one fold and scores that fold's members at every sampled length. */
function scoreFold(
  material: FitMaterial,
  maps: readonly SegmentMap[],
  fold: number,
  heldOut: readonly HeldOutCollector[],
): void {
  const fit = fitWithout(material, fold);
  scoreSamples(material, maps, fold, { embeddings: embedSamples(material, fit), dim: fit.dim }, heldOut);
}

/**
 * Scores a fold's members at every sampled length against the profiles of the others.
 *
 * @param embedded - `embeddings` of shape [samples, dim], by an encoder that the fold's labels had no part in.
 */
export function scoreSamples(
  material: FitMaterial,
  maps: readonly SegmentMap[],
  fold: number,
  { embeddings, dim }: Readonly<{ embeddings: Float32Array; dim: number }>,
  heldOut: readonly HeldOutCollector[],
): void {
  const { corpus } = material;
  for (const [m, map] of maps.entries()) {
    const scorer = prepareScorer(profilesWithout(material, embeddings, dim, { m, map, fold }));
    for (let u = 0; u < corpus.users; u++) {
      if (corpus.foldOf[u] !== fold) continue;
      for (let sample = corpus.samplesAt[u]!; sample < corpus.samplesAt[u + 1]!; sample++) {
        const embedding = embeddings.subarray(sample * dim, (sample + 1) * dim);
        heldOut[m]!.add(scorer, embedding, {
          evidence: corpus.sampleEvents[sample]!,
          label: corpus.labels[m]![u]!,
          user: u,
          arrival: corpus.arrivals[u],
          whole: sample === corpus.samplesAt[u + 1]! - 1,
        });
      }
    }
  }
}

/** Profiles from the members of all folds but one, each at the end of their history. */
function profilesWithout(
  { corpus }: FitMaterial,
  embeddings: Float32Array,
  dim: number,
  { m, map, fold }: { readonly m: number; readonly map: SegmentMap; readonly fold: number },
): PublishedProfiles {
  const sums = map.segments.map(() => new Float64Array(dim));
  const members = map.segments.map(() => 0);
  let background = 0;
  for (let u = 0; u < corpus.users; u++) {
    if (corpus.foldOf[u] === fold) continue;
    const label = corpus.labels[m]![u]!;
    if (label < 0) {
      background++;
      continue;
    }
    const at = (corpus.samplesAt[u + 1]! - 1) * dim;
    const sum = sums[label]!;
    for (let i = 0; i < dim; i++) sum[i]! += embeddings[at + i]!;
    members[label]!++;
  }
  const profiles = map.segments.map(({ name }, k): Profile => {
    scale(sums[k]!, 0, dim, 1 / Math.max(1, members[k]!));
    return { segment: name, members: members[k]!, centroid: Float32Array.from(sums[k]!) };
  });
  return {
    map: map.name,
    mode: map.mode,
    version: 1,
    encoder: HELD_OUT,
    dim,
    watermarkMs: 0,
    profiles,
    background,
    // Only similarities and priors are read of this scorer.
    calibration: defaultCalibration(HELD_OUT, map.name, profiles.length),
    threshold: map.threshold,
  };
}

type HeldOutSample = Readonly<{
  evidence: number;
  label: number;
  user: number;
  arrival: Arrival | undefined;
  whole: boolean;
}>;

/** Gathers what held-out users look like in one map. */
export class HeldOutCollector {
  readonly #map: SegmentMap;
  readonly #samples: HeldOutSample[] = [];
  readonly #similarities: number[] = [];
  readonly #logPriors: number[] = [];
  readonly #buffer;

  constructor(map: SegmentMap) {
    this.#map = map;
    this.#buffer = newScoreBuffer(map.segments.length);
  }

  add(scorer: Scorer, embedding: Float32Array, sample: HeldOutSample): void {
    scoreInto(scorer, embedding, sample.evidence, this.#buffer);
    this.#samples.push(sample);
    for (const similarity of this.#buffer.similarities) this.#similarities.push(similarity);
    for (const prior of scorer.logPrior) this.#logPriors.push(prior);
  }

  scores(): HeldOutScores {
    const arrivals = new Map<number, Arrival>();
    for (const { user, arrival } of this.#samples) if (arrival !== undefined) arrivals.set(user, arrival);
    return {
      segments: this.#map.segments.length,
      mode: this.#map.mode,
      similarities: Float64Array.from(this.#similarities),
      evidence: Float64Array.from(this.#samples, ({ evidence }) => evidence),
      labels: Int16Array.from(this.#samples, ({ label }) => label),
      users: Uint32Array.from(this.#samples, ({ user }) => user),
      logPriors: Float64Array.from(this.#logPriors),
      ...(arrivals.size === 0 ? {} : { arrivals }),
    };
  }

  /** Among the segments alone: whether a user has any is another question. */
  report({ kappa, depthEnds, intercepts }: Calibration): HeldOutReport | undefined {
    const K = this.#map.segments.length;
    const labels: number[] = [];
    const scored: number[][] = [];
    const priors: number[][] = [];
    for (const [i, { label, whole, evidence }] of this.#samples.entries()) {
      if (!whole || label < 0) continue;
      const prior = this.#logPriors.slice(i * (K + 1), i * (K + 1) + K);
      const sharpness = kappaAt({ kappa, depthEnds }, evidence);
      const similarities = this.#similarities.slice(i * K, (i + 1) * K);
      labels.push(label);
      priors.push(softmax(prior));
      scored.push(softmax(prior.map((log, k) => log + sharpness * similarities[k]! + intercepts[k]!)));
    }
    if (labels.length === 0) return undefined;
    const auc = macroAuc(scored, labels, K);
    return {
      members: labels.length,
      logLoss: logLoss(scored, labels),
      priorLogLoss: logLoss(priors, labels),
      auc: Number.isNaN(auc) ? null : auc,
      ece: calibrationError(scored, labels, ECE_BINS),
    };
  }
}

function softmax(logits: readonly number[]): number[] {
  const highest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / sum);
}
