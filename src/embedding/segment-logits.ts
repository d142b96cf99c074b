import type { FitMaterial } from "./fit-material.ts";
import { fitLogistic, type LogisticSamples, type LogisticWeights, logitsInto, outputsOf } from "./logistic-fit.ts";

/** One regression for each map with members in two segments, in the maps' order; undefined for the others. */
export type SegmentLogits = readonly (LogisticWeights | undefined)[];

/** Logits of all maps side by side. */
export function logitWidth({ segmentsOf }: Pick<FitMaterial, "segmentsOf">): number {
  return segmentsOf.reduce((sum, count) => sum + (count < 2 ? 0 : outputsOf(count)), 0);
}

/**
 * Fits what each token and feature says of each segment on the samples of some folds.
 *
 * @param penalties - One a map.
 */
export function fitSegmentLogits(
  material: FitMaterial,
  folds: readonly number[],
  penalties: readonly number[],
  start?: SegmentLogits,
): SegmentLogits {
  return material.segmentsOf.map((segments, m) => {
    const samples = samplesOf(material, m, folds);
    if (segments < 2 || !samples.weights.some((weight) => weight > 0)) return undefined;
    const before = start?.[m];
    const { rounds } = material.options;
    return fitLogistic(samples, {
      penalty: penalties[m]!,
      rounds,
      ...(before === undefined ? {} : { start: before }),
    });
  });
}

function samplesOf(
  { corpus, rows, dense, segmentsOf }: FitMaterial,
  m: number,
  folds: readonly number[],
): LogisticSamples {
  const labels = new Int16Array(corpus.sampleEnd.length);
  const weights = new Float64Array(corpus.sampleEnd.length);
  for (let u = 0; u < corpus.users; u++) {
    const label = corpus.labels[m]![u]!;
    const counts = label >= 0 && folds.includes(corpus.foldOf[u]!);
    for (let s = corpus.samplesAt[u]!; s < corpus.samplesAt[u + 1]!; s++) {
      labels[s] = label;
      weights[s] = counts ? corpus.sampleWeight[s]! : 0;
    }
  }
  return { sparse: rows.tokens, scales: rows.shrink, dense, labels, weights, classes: segmentsOf[m]! };
}

/**
 * Writes each sample's logits of all maps for the users of some folds.
 *
 * @param scales - What sums of tokens are multiplied by: of members as they are, of others as strangers see them.
 * @param out - Shape [samples, logitWidth].
 */
export function writeLogits(
  material: FitMaterial,
  models: SegmentLogits,
  folds: readonly number[],
  scales: Float64Array,
  out: Float32Array,
): void {
  const { corpus, rows, dense, segmentsOf } = material;
  const width = logitWidth(material);
  let at = 0;
  for (const [m, segments] of segmentsOf.entries()) {
    if (segments < 2) continue;
    const model = models[m];
    const logits = new Float64Array(outputsOf(segments));
    if (model !== undefined) {
      for (let u = 0; u < corpus.users; u++) {
        if (!folds.includes(corpus.foldOf[u]!)) continue;
        for (let s = corpus.samplesAt[u]!; s < corpus.samplesAt[u + 1]!; s++) {
          logitsInto(model, { sparse: rows.tokens, scales, dense }, s, logits);
          out.set(logits, s * width + at);
        }
      }
    }
    at += logits.length;
  }
}

/** The penalties that tell held-out members best, one a map. */
export function choosePenalties(material: FitMaterial): number[] {
  const { options, segmentsOf, corpus } = material;
  const tries = options.penalties;
  if (tries.length === 1) return segmentsOf.map(() => tries[0]!);
  const folds = Array.from({ length: options.folds }, (_, fold) => fold);
  // Where there is much to learn from, one part tells enough.
  const heldOut = corpus.users > options.chooseUsers ? [0] : folds;
  const losses = tries.map(() => segmentsOf.map(() => 0));
  for (const fold of heldOut) {
    let start: SegmentLogits | undefined;
    for (const [i, penalty] of tries.entries()) {
      const models: SegmentLogits = fitSegmentLogits(
        material,
        folds.filter((other) => other !== fold),
        segmentsOf.map(() => penalty),
        start,
      );
      start = models;
      for (const [m, model] of models.entries()) {
        if (model !== undefined) losses[i]![m]! += heldOutLoss(material, m, model, fold);
      }
    }
  }
  return segmentsOf.map((_, m) => {
    const of = losses.map((loss) => loss[m]!);
    return tries[of.indexOf(Math.min(...of))]!;
  });
}

function heldOutLoss(material: FitMaterial, m: number, model: LogisticWeights, fold: number): number {
  const { corpus, rows, dense } = material;
  const logits = new Float64Array(model.outputs);
  let loss = 0;
  for (let u = 0; u < corpus.users; u++) {
    const label = corpus.labels[m]![u]!;
    if (corpus.foldOf[u] !== fold || label < 0) continue;
    for (let s = corpus.samplesAt[u]!; s < corpus.samplesAt[u + 1]!; s++) {
      logitsInto(model, { sparse: rows.tokens, scales: rows.shrinkRecognised, dense }, s, logits);
      loss += corpus.sampleWeight[s]! * negativeLogLikelihood(logits, label);
    }
  }
  return loss;
}

function negativeLogLikelihood(logits: Float64Array, label: number): number {
  if (logits.length === 1) return Math.log1p(Math.exp(label === 0 ? -logits[0]! : logits[0]!));
  const highest = Math.max(...logits);
  return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0)) + highest - logits[label]!;
}
