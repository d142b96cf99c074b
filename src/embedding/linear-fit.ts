import { discriminantDirections } from "./discriminant.ts";
import { type FitMaterial, moments } from "./fit-material.ts";
import { type LinearArtefact, linearArtefact } from "./linear-artefact.ts";
import { compose } from "./linear-encoder.ts";
import { outputsOf } from "./logistic-fit.ts";
import { choosePenalties, fitSegmentLogits, logitWidth, type SegmentLogits, writeLogits } from "./segment-logits.ts";
import { addScaled } from "./vector.ts";

/** What logits become an embedding by: the same for the encoder and for those that some members were kept from. */
export type LinearFit = Readonly<{
  dim: number;
  supervised: number;
  /** From logits, shape [logits, supervised], to the supervised dimensions. */
  rotation: Float64Array;
  /** Mean of each logit; shape [logits]. */
  mean: Float32Array;
  /** One over the standard deviation of each free dimension, and its mean; shape [dim - supervised]. */
  freeMean: Float32Array;
  freeScale: Float32Array;
  /** Fitted on all folds, and on all but each. */
  logits: SegmentLogits;
  without: readonly SegmentLogits[];
}>;

/** Fits the segments' logits with and without each fold, and the directions in which those kept from it differ. */
export function fitLinearModel(material: FitMaterial): LinearFit {
  const { corpus, options, rows } = material;
  const folds = Array.from({ length: options.folds }, (_, fold) => fold);
  const penalties = choosePenalties(material);
  const logits = fitSegmentLogits(material, folds, penalties);
  const width = logitWidth(material);
  const outOfFold = new Float32Array(corpus.sampleEnd.length * width);
  const without = folds.map((fold) => {
    const others = folds.filter((other) => other !== fold);
    const models = fitSegmentLogits(material, others.length === 0 ? folds : others, penalties, logits);
    writeLogits(material, models, [fold], rows.shrinkRecognised, outOfFold);
    return models;
  });
  const { mean, scale } = moments(outOfFold, width, corpus.sampleWeight);
  const standard = outOfFold.map((x, i) => (x - mean[i % width]!) * scale[i % width]!);
  const sampleUser = new Uint32Array(corpus.sampleEnd.length);
  for (let u = 0; u < corpus.users; u++) sampleUser.fill(u, corpus.samplesAt[u]!, corpus.samplesAt[u + 1]!);
  const directions = discriminantDirections(
    {
      count: sampleUser.length,
      width,
      rows: standard,
      weights: corpus.sampleWeight,
      labels: corpus.labels.map((labels) => Int16Array.from(sampleUser, (u) => labels[u]!)),
      segmentsOf: material.segmentsOf,
    },
    [],
    { ...options, dimMin: 0, dimMax: options.dimMax - options.freeDims, freeDims: 0 },
  );
  const { supervised } = directions;
  const rotation = directions.matrix;
  for (let c = 0; c < width; c++) for (let i = 0; i < supervised; i++) rotation[c * supervised + i]! *= scale[c]!;
  const dim = Math.min(options.dimMax, Math.max(options.dimMin, supervised + options.freeDims));
  const free = moments(material.sampleComponents, options.components, corpus.sampleWeight);
  return {
    dim,
    supervised,
    rotation,
    mean,
    freeMean: free.mean.slice(0, dim - supervised),
    freeScale: free.scale.slice(0, dim - supervised),
    logits,
    without,
  };
}

/**
 * Embeds every sample of the material: those of the fold left out as strangers, the others as members.
 *
 * @param leftOut - Fold, or undefined for the encoder itself.
 * @returns Shape [samples, fit.dim].
 */
export function embedSamples(material: FitMaterial, fit: LinearFit, leftOut: number | undefined): Float32Array {
  const { corpus, options, rows, sampleComponents } = material;
  const { dim, supervised, rotation, mean, freeMean, freeScale } = fit;
  const samples = corpus.sampleEnd.length;
  const width = logitWidth(material);
  const logits = new Float32Array(samples * width);
  const models = leftOut === undefined ? fit.logits : fit.without[leftOut]!;
  const others = Array.from({ length: options.folds }, (_, fold) => fold).filter((fold) => fold !== leftOut);
  writeLogits(material, models, others, rows.shrink, logits);
  if (leftOut !== undefined) writeLogits(material, models, [leftOut], rows.shrinkRecognised, logits);
  const out = new Float32Array(samples * dim);
  const sum = new Float64Array(dim);
  for (let sample = 0; sample < samples; sample++) {
    sum.fill(0);
    for (let c = 0; c < width; c++) {
      addScaled(sum, 0, rotation, c * supervised, supervised, logits[sample * width + c]! - mean[c]!);
    }
    for (let j = 0; j < dim - supervised; j++) {
      const place = sampleComponents[sample * options.components + j] ?? 0;
      sum[supervised + j] = (place - (freeMean[j] ?? 0)) * (freeScale[j] ?? 0);
    }
    compose(sum, supervised, options.fill, out.subarray(sample * dim, (sample + 1) * dim));
  }
  return out;
}

/** Folds the logits and components of each token into one row of `dim` numbers: serving adds only that. */
export function artefactOf(
  material: FitMaterial,
  fit: LinearFit,
  models: SegmentLogits = fit.logits,
): LinearArtefact {
  const { corpus, components, options, segmentsOf } = material;
  const { dim, supervised, rotation, freeMean, freeScale } = fit;
  const tokens = corpus.tokens.length;
  const features = material.mean.length;
  const table = new Float64Array(tokens * dim);
  const dense = new Float64Array(features * dim);
  const bias = new Float64Array(dim);
  let logit = 0;
  for (const [m, segments] of segmentsOf.entries()) {
    if (segments < 2) continue;
    const outputs = outputsOf(segments);
    const model = models[m];
    for (let k = 0; k < outputs; k++, logit++) {
      const row = logit * supervised;
      addScaled(bias, 0, rotation, row, supervised, -fit.mean[logit]!);
      if (model === undefined) continue;
      const { point, denseAt, biasAt } = model;
      addScaled(bias, 0, rotation, row, supervised, point[biasAt + k]!);
      for (let id = 0; id < tokens; id++) {
        addScaled(table, id * dim, rotation, row, supervised, point[id * outputs + k]!);
      }
      for (let f = 0; f < features; f++) {
        const weight = point[denseAt + f * outputs + k]! * options.featureWeight;
        addScaled(dense, f * dim, rotation, row, supervised, weight);
      }
    }
  }
  for (let j = 0; j < freeScale.length; j++) {
    const to = supervised + j;
    bias[to] = -freeMean[j]! * freeScale[j]!;
    for (let id = 0; id < tokens; id++) {
      table[id * dim + to] = components[id * options.components + j]! * freeScale[j]!;
    }
  }
  return linearArtefact({
    schema: material.schema,
    dim,
    supervised,
    fill: options.fill,
    halfLifeMs: options.halfLifeMs,
    power: options.power,
    valueSplits: [...corpus.valueSplits],
    tokens: corpus.tokens,
    table: Float32Array.from(table),
    mean: material.mean,
    scale: material.scale,
    dense: Float32Array.from(dense),
    bias: Float32Array.from(bias),
  });
}
