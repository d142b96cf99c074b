import { type Corpus, projectSamples } from "./corpus.ts";
import { discriminantDirections } from "./discriminant.ts";
import { TOKEN_GROUP_COUNT } from "./event-tokens.ts";
import type { FitMaterial } from "./fit-material.ts";
import { labelColumns } from "./label-columns.ts";
import { type LinearArtefact, linearArtefact } from "./linear-artefact.ts";
import { compose } from "./linear-encoder.ts";
import { FEATURE_CLIP } from "./linear-placement.ts";
import { noveltyOf } from "./projected-state.ts";
import { type ColumnLayout, columnLayout, standardise } from "./training-samples.ts";
import { addScaled } from "./vector.ts";

/** A fitted projection, before the columns of each token are folded into one row. */
export type LinearFit = Readonly<{
  layout: ColumnLayout;
  dim: number;
  supervised: number;
  /** What each token says of each segment; shape [tokens, layout.labels]. */
  labels: Float32Array;
  /** Shape [layout.width, dim]: for sums of tokens in raw units, for features in standard deviations. */
  projection: Float64Array;
  /** Shape [dim]. */
  bias: Float64Array;
  /** Of the features; shape [features]. */
  mean: Float32Array;
  scale: Float32Array;
}>;

const RIDGE_MIN = 0.1;
const RIDGE_MAX = 10;

/** Fits on all folds but one (or on all): what is left out is as unseen as an anonymous visitor. */
export function fitWithout(material: FitMaterial, leftOut: number | undefined): LinearFit {
  const { corpus, options } = material;
  const layout = columnLayout(material);
  const folds = Array.from({ length: options.folds }, (_, fold) => fold).filter((fold) => fold !== leftOut);
  const learning = fewOf(corpus, usersOf(corpus, folds), options.samplesMax);
  const sums = new Float32Array(corpus.sampleEnd.length * layout.componentsAt);
  for (const fold of folds) {
    // Columns from the same users would tell a user's label by the user's own rare items.
    const others = folds.length > 1 ? folds.filter((other) => other !== fold) : folds;
    const table = tokenColumns(material, others, fold);
    sumLabels(
      material,
      layout,
      learning.filter((u) => corpus.foldOf[u] === fold),
      table,
      sums,
    );
  }
  const training = standardise(material, layout, learning, sums);
  const ridge = Math.min(RIDGE_MAX, Math.max(RIDGE_MIN, options.ridgeUsers / Math.max(1, corpus.users)));
  const limits = { ...options, ridge };
  const { matrix, dim, supervised } = discriminantDirections(training.samples, training.prefer, limits);
  const { used, mean, scale, weight } = training;
  const projection = new Float64Array(layout.width * dim);
  const bias = new Float64Array(dim);
  for (const [i, column] of used.entries()) {
    const isFeature = column >= layout.featuresAt;
    const factor = isFeature ? weight[column]! : weight[column]! * scale[column]!;
    // A state holds early sums of the supervised directions only.
    const told = column >= layout.earlyAt && column < layout.componentsAt ? supervised : dim;
    addScaled(projection, column * dim, matrix, i * dim, told, factor);
    if (!isFeature) addScaled(bias, 0, matrix, i * dim, told, -mean[column]! * factor);
  }
  return {
    layout,
    dim,
    supervised,
    labels: tokenColumns(material, folds, leftOut),
    projection,
    bias,
    mean: Float32Array.from(mean.subarray(layout.featuresAt)),
    scale: Float32Array.from(scale.subarray(layout.featuresAt)),
  };
}

/**
 * What each token says of each segment, alone and beside others.
 *
 * @param folds - Whose counts the columns come from.
 * @param strangers - The fold that the columns are for, undefined for nobody in particular: its labels have no part in them.
 * @returns Shape [tokens, layout.labels].
 */
export function tokenColumns(
  material: FitMaterial,
  folds: readonly number[],
  strangers: number | undefined,
): Float32Array {
  const { corpus, counts, logits, options } = material;
  const alone = labelColumns(corpus, counts, folds, TOKEN_GROUP_COUNT, options);
  const beside = strangers === undefined ? logits.all : logits.without[strangers]!;
  const narrow = alone.length / Math.max(1, corpus.tokens.length);
  const width = narrow + logits.width;
  const columns = new Float32Array(corpus.tokens.length * width);
  for (let id = 0; id < corpus.tokens.length; id++) {
    columns.set(alone.subarray(id * narrow, (id + 1) * narrow), id * width);
    columns.set(beside.subarray(id * logits.width, (id + 1) * logits.width), id * width + narrow);
  }
  return columns;
}

/**
 * Embeds every sample of the material as the encoder would serve it.
 *
 * @returns Shape [samples, fit.dim].
 */
export function embedSamples(material: FitMaterial, fit: LinearFit): Float32Array {
  const { corpus, featureWidth, sampleComponents, options } = material;
  const { layout, dim, projection, bias, mean, scale } = fit;
  const samples = corpus.sampleEnd.length;
  const labelSums = new Float32Array(samples * layout.componentsAt);
  sumLabels(material, layout, [...corpus.foldOf.keys()], fit.labels, labelSums);
  const out = new Float32Array(samples * dim);
  const sum = new Float64Array(dim);
  for (let sample = 0; sample < samples; sample++) {
    sum.set(bias);
    addColumns(sum, projection, 0, labelSums, sample * layout.componentsAt, layout.componentsAt);
    addColumns(
      sum,
      projection,
      layout.componentsAt,
      sampleComponents,
      sample * options.components,
      options.components,
    );
    for (let feature = 0; feature < featureWidth; feature++) {
      if (scale[feature] === 0) continue;
      const z = (corpus.features[sample * featureWidth + feature]! - mean[feature]!) * scale[feature]!;
      const clipped = Math.max(-FEATURE_CLIP, Math.min(FEATURE_CLIP, z));
      addScaled(sum, 0, projection, (layout.featuresAt + feature) * dim, dim, clipped);
    }
    compose(sum, fit.supervised, options.fill, out.subarray(sample * dim, (sample + 1) * dim));
  }
  return out;
}

/** Folds the columns of each token into one row of `dim` numbers: serving adds only that. */
export function artefactOf(material: FitMaterial, fit: LinearFit): LinearArtefact {
  const { corpus, components, options } = material;
  const { layout, dim, labels, projection } = fit;
  const { supervised } = fit;
  const table = new Float32Array(corpus.tokens.length * dim);
  const hasEarly = layout.componentsAt > layout.earlyAt;
  const early = new Float32Array(hasEarly ? corpus.tokens.length * supervised : 0);
  const row = new Float64Array(dim);
  for (let id = 0; id < corpus.tokens.length; id++) {
    const block = corpus.groupOf[id]! * layout.labels;
    row.fill(0);
    if (hasEarly) {
      addColumns(row, projection, layout.earlyAt + block, labels, id * layout.labels, layout.labels);
      early.set(row.subarray(0, supervised), id * supervised);
      row.fill(0);
    }
    addColumns(row, projection, block, labels, id * layout.labels, layout.labels);
    addColumns(row, projection, layout.componentsAt, components, id * options.components, options.components);
    table.set(row, id * dim);
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
    table,
    early,
    mean: fit.mean,
    scale: fit.scale,
    dense: Float32Array.from(projection.subarray(layout.featuresAt * dim)),
    bias: Float32Array.from(fit.bias),
  });
}

/** Adds `count` columns, whose values begin at `values[valuesAt]`, to a projected sum. */
function addColumns(
  sum: Float64Array,
  projection: Float64Array,
  column: number,
  values: Float32Array,
  valuesAt: number,
  count: number,
): void {
  const dim = sum.length;
  for (let c = 0; c < count; c++) {
    const x = values[valuesAt + c]!;
    if (x !== 0) addScaled(sum, 0, projection, (column + c) * dim, dim, x);
  }
}

function sumLabels(
  { corpus, options }: FitMaterial,
  layout: ColumnLayout,
  users: readonly number[],
  table: Float32Array,
  out: Float32Array,
): void {
  const { earlyAt, componentsAt } = layout;
  const columns = { out, at: 0, stride: componentsAt };
  projectSamples(corpus, users, { table, width: layout.labels, blocks: TOKEN_GROUP_COUNT }, options, columns);
  if (componentsAt === earlyAt) return;
  for (const u of users) {
    for (let sample = corpus.samplesAt[u]!; sample < corpus.samplesAt[u + 1]!; sample++) {
      const novelty = noveltyOf(corpus.sampleEvents[sample]!);
      const at = sample * componentsAt;
      for (let c = 0; c < earlyAt; c++) out[at + earlyAt + c] = novelty * out[at + c]!;
    }
  }
}

/** The first users who have no more than so many samples together: their order is one of hashes. */
function fewOf({ samplesAt }: Corpus, users: readonly number[], samplesMax: number): readonly number[] {
  let samples = 0;
  const end = users.findIndex((u) => {
    samples += samplesAt[u + 1]! - samplesAt[u]!;
    return samples > samplesMax;
  });
  return end < 0 ? users : users.slice(0, end);
}

function usersOf(corpus: Corpus, folds: readonly number[]): number[] {
  return Array.from(corpus.foldOf.keys()).filter((u) => folds.includes(corpus.foldOf[u]!));
}
