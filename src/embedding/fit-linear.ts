import type { FeatureSchema } from "../features/feature-schema.ts";
import { type Corpus, projectSamples, readCorpus } from "./corpus.ts";
import { type Directions, discriminantDirections, type Samples } from "./discriminant.ts";
import type { History } from "./encoder.ts";
import { TOKEN_GROUP_COUNT } from "./event-tokens.ts";
import { DEFAULT_FIT_OPTIONS, type FitOptions, type LabelledMap } from "./fit-options.ts";
import { countLabels, type LabelCounts, labelColumns, labelWidth } from "./label-columns.ts";
import { type LinearArtefact, type LinearWeights, linearArtefact } from "./linear-artefact.ts";
import { compose, FEATURE_CLIP } from "./linear-encoder.ts";
import { tokenComponents } from "./token-components.ts";
import { addScaled } from "./vector.ts";

/** What all folds of a fit share: it holds no label's influence on any weight. */
export type FitMaterial = Readonly<{
  corpus: Corpus;
  maps: readonly LabelledMap[];
  schema: string;
  featureWidth: number;
  counts: LabelCounts;
  /** Shape [tokens, components]. */
  components: Float32Array;
  options: FitOptions;
}>;

/** Reads the histories and finds the unsupervised components: the part of a fit that needs no label. */
export function prepareFit(
  histories: readonly History[],
  maps: readonly LabelledMap[],
  schema: FeatureSchema,
  given: Partial<FitOptions>,
): FitMaterial {
  const options = { ...DEFAULT_FIT_OPTIONS, ...given };
  const corpus = readCorpus(histories, maps, schema, options);
  return {
    corpus,
    maps,
    schema: schema.version,
    featureWidth: schema.width,
    counts: countLabels(corpus, maps, options.folds),
    components: tokenComponents(corpus, options),
    options,
  };
}

/**
 * Fits a linear encoder in closed form: the same histories and options give the same bytes.
 *
 * Columns are what each token says of each segment (from users of other folds, so that a rare item cannot give
 * its own user away), unsupervised components, and the standardised features; of those, discriminant directions.
 */
export function fitLinear(
  histories: readonly History[],
  maps: readonly LabelledMap[],
  schema: FeatureSchema,
  options: Partial<FitOptions>,
): LinearArtefact {
  return fitWithout(prepareFit(histories, maps, schema, options), undefined);
}

/** Fits on all folds but one (or on all): what is left out is as unseen as an anonymous visitor. */
export function fitWithout(material: FitMaterial, leftOut: number | undefined): LinearArtefact {
  const { corpus, counts, components, options } = material;
  const layout = layoutOf(material);
  const folds = Array.from({ length: options.folds }, (_, fold) => fold).filter((fold) => fold !== leftOut);
  const users = usersOf(corpus, folds);
  const raw = new Float32Array(corpus.sampleEnd.length * layout.featuresAt);
  const stride = layout.featuresAt;
  for (const fold of folds) {
    // Columns from the same users would tell a user's label by the user's own rare items.
    const others = folds.length > 1 ? folds.filter((other) => other !== fold) : folds;
    const table = labelColumns(corpus, counts, others, TOKEN_GROUP_COUNT, options);
    const members = usersOf(corpus, [fold]);
    projectSamples(corpus, members, { table, width: layout.labels, blocks: TOKEN_GROUP_COUNT }, options, {
      out: raw,
      at: 0,
      stride,
    });
  }
  projectSamples(corpus, users, { table: components, width: options.components, blocks: 1 }, options, {
    out: raw,
    at: layout.componentsAt,
    stride,
  });
  const training = standardise(material, layout, users, raw);
  const directions = discriminantDirections(training.samples, training.prefer, options);
  const table = labelColumns(corpus, counts, folds, TOKEN_GROUP_COUNT, options);
  return linearArtefact(assemble(material, layout, training, directions, table));
}

/**
 * Embeds every sample of the material as the encoder would serve it.
 *
 * @returns Shape [samples, artefact.dim].
 */
export function embedSamples(
  { corpus, featureWidth, options }: FitMaterial,
  artefact: LinearArtefact,
): Float32Array {
  const { dim, table, bias, mean, scale, dense, supervised, fill } = artefact;
  const out = new Float32Array(corpus.sampleEnd.length * dim);
  const all = Array.from({ length: corpus.users }, (_, u) => u);
  projectSamples(corpus, all, { table, width: dim, blocks: 1 }, options, { out, at: 0, stride: dim });
  const used = Array.from(scale.keys()).filter((feature) => scale[feature] !== 0);
  const sum = new Float64Array(dim);
  for (let sample = 0; sample < corpus.sampleEnd.length; sample++) {
    for (let i = 0; i < dim; i++) sum[i] = bias[i]! + out[sample * dim + i]!;
    for (const feature of used) {
      const z = (corpus.features[sample * featureWidth + feature]! - mean[feature]!) * scale[feature]!;
      addScaled(sum, 0, dense, feature * dim, dim, Math.max(-FEATURE_CLIP, Math.min(FEATURE_CLIP, z)));
    }
    compose(sum, supervised, fill, out.subarray(sample * dim, (sample + 1) * dim));
  }
  return out;
}

function usersOf(corpus: Corpus, folds: readonly number[]): number[] {
  return Array.from({ length: corpus.users }, (_, u) => u).filter((u) => folds.includes(corpus.foldOf[u]!));
}

/** Columns of a sample: label columns by token group, then components, then features. */
type Layout = Readonly<{ labels: number; componentsAt: number; featuresAt: number; width: number }>;

function layoutOf({ counts, options, featureWidth }: FitMaterial): Layout {
  const labels = labelWidth(counts);
  const componentsAt = TOKEN_GROUP_COUNT * labels;
  const featuresAt = componentsAt + options.components;
  return { labels, componentsAt, featuresAt, width: featuresAt + featureWidth };
}

type Training = Readonly<{
  samples: Samples;
  /** Places of the components among the samples' columns. */
  prefer: readonly number[];
  /** The layout's column for each of the samples' columns: those that vary. */
  used: readonly number[];
  /** Mean and one over the standard deviation, by the layout's column; 0 for one that does not vary. */
  mean: Float64Array;
  scale: Float64Array;
  /** How far each column is trusted, in [0, 1]: the ridge weighs one over its square. By the layout's column. */
  weight: Float64Array;
}>;

function standardise(
  { corpus, counts, featureWidth }: FitMaterial,
  layout: Layout,
  users: readonly number[],
  raw: Float32Array,
): Training {
  const indexes = Uint32Array.from(
    users.flatMap((u) =>
      Array.from(
        { length: corpus.samplesAt[u + 1]! - corpus.samplesAt[u]! },
        (_, i) => corpus.samplesAt[u]! + i,
      ),
    ),
  );
  const weights = Float64Array.from(indexes, (sample) => corpus.sampleWeight[sample]!);
  const tokenMoments = moments(raw, layout.featuresAt, indexes, weights);
  const featureMoments = moments(corpus.features, featureWidth, indexes, weights);
  const mean = Float64Array.of(...tokenMoments.mean, ...featureMoments.mean);
  const scale = Float64Array.of(...tokenMoments.scale, ...featureMoments.scale);
  const weight = columnWeights(layout, scale);
  const used = Array.from({ length: layout.width }, (_, column) => column).filter(
    (column) => scale[column]! > 0,
  );
  const rows = new Float32Array(indexes.length * used.length);
  for (const [i, column] of used.entries()) {
    const feature = column - layout.featuresAt;
    const factor = scale[column]!;
    for (let row = 0; row < indexes.length; row++) {
      const sample = indexes[row]!;
      const x =
        feature < 0
          ? raw[sample * layout.featuresAt + column]!
          : corpus.features[sample * featureWidth + feature]!;
      const z = (x - mean[column]!) * factor;
      const clipped = feature < 0 ? z : Math.max(-FEATURE_CLIP, Math.min(FEATURE_CLIP, z));
      rows[row * used.length + i] = clipped * weight[column]!;
    }
  }
  const userOf = users.flatMap((u) =>
    new Array<number>(corpus.samplesAt[u + 1]! - corpus.samplesAt[u]!).fill(u),
  );
  const samples: Samples = {
    count: indexes.length,
    width: used.length,
    rows,
    weights,
    labels: corpus.labels.map((labels) => Int16Array.from(userOf, (u) => labels[u]!)),
    segmentsOf: counts.segmentsOf,
  };
  const isComponent = (column: number) => column >= layout.componentsAt && column < layout.featuresAt;
  const prefer = used.flatMap((column, i) => (isComponent(column) ? [i] : []));
  return { samples, prefer, used, mean, scale, weight };
}

/** Features are trusted less than tokens: there are many, and most say little of any one segment. */
const FEATURE_WEIGHT = 0.4;
/** The strongest component is trusted more than a label column, the others less by the root of their strength. */
const COMPONENT_WEIGHT = 1.5;

function columnWeights(layout: Layout, scale: Float64Array): Float64Array {
  const weight = new Float64Array(layout.width).fill(1);
  const components = scale.subarray(layout.componentsAt, layout.featuresAt).filter((factor) => factor > 0);
  const strongest = Math.min(...components);
  for (let column = layout.componentsAt; column < layout.featuresAt; column++) {
    weight[column] = scale[column] === 0 ? 0 : COMPONENT_WEIGHT * Math.sqrt(strongest / scale[column]!);
  }
  return weight.fill(FEATURE_WEIGHT, layout.featuresAt);
}

/** A column that varies less than this, or than rounding, says nothing. */
const DEVIATION_MIN = 1e-6;

/** Weighted mean, and one over the standard deviation, of each column of a matrix of shape [samples, width]. */
function moments(
  matrix: Float32Array,
  width: number,
  samples: Uint32Array,
  weights: Float64Array,
): { mean: Float64Array; scale: Float64Array } {
  const mean = new Float64Array(width);
  const squares = new Float64Array(width);
  let all = 0;
  for (let row = 0; row < samples.length; row++) {
    all += weights[row]!;
    addScaled(mean, 0, matrix, samples[row]! * width, width, weights[row]!);
  }
  for (let column = 0; column < width; column++) mean[column] = Math.fround(mean[column]! / all);
  for (let row = 0; row < samples.length; row++) {
    const at = samples[row]! * width;
    for (let column = 0; column < width; column++) {
      squares[column]! += weights[row]! * (matrix[at + column]! - mean[column]!) ** 2;
    }
  }
  const scale = squares.map((square, column) => {
    const deviation = Math.sqrt(square / all);
    return deviation > DEVIATION_MIN * (1 + Math.abs(mean[column]!)) ? Math.fround(1 / deviation) : 0;
  });
  return { mean, scale };
}

/** Folds label columns and components into one table of `dim` columns, so that serving adds only those. */
function assemble(
  material: FitMaterial,
  layout: Layout,
  { used, mean, scale, weight }: Training,
  { matrix, dim, supervised }: Directions,
  labels: Float32Array,
): LinearWeights {
  const { corpus, components, options, featureWidth } = material;
  // One row of the projection for each of the layout's columns, in units of the raw column.
  const projection = new Float64Array(layout.width * dim);
  const bias = new Float64Array(dim);
  for (const [i, column] of used.entries()) {
    const factor = scale[column]! * weight[column]!;
    addScaled(projection, column * dim, matrix, i * dim, dim, factor);
    if (column < layout.featuresAt) addScaled(bias, 0, matrix, i * dim, dim, -mean[column]! * factor);
  }
  const tokens = corpus.tokens.length;
  const table = new Float64Array(tokens * dim);
  for (let id = 0; id < tokens; id++) {
    const block = corpus.groupOf[id]! * layout.labels;
    for (let c = 0; c < layout.labels; c++) {
      const x = labels[id * layout.labels + c]!;
      if (x !== 0) addScaled(table, id * dim, projection, (block + c) * dim, dim, x);
    }
    for (let c = 0; c < options.components; c++) {
      const x = components[id * options.components + c]!;
      if (x !== 0) addScaled(table, id * dim, projection, (layout.componentsAt + c) * dim, dim, x);
    }
  }
  const dense = new Float32Array(featureWidth * dim);
  for (const [i, column] of used.entries()) {
    const feature = column - layout.featuresAt;
    if (feature < 0) continue;
    addScaled(dense, feature * dim, matrix, i * dim, dim, weight[column]!);
  }
  return {
    schema: material.schema,
    dim,
    supervised,
    fill: options.fill,
    halfLifeMs: options.halfLifeMs,
    power: options.power,
    valueSplits: [...corpus.valueSplits],
    tokens: corpus.tokens,
    table: Float32Array.from(table),
    mean: Float32Array.from(mean.subarray(layout.featuresAt)),
    scale: Float32Array.from(scale.subarray(layout.featuresAt)),
    dense,
    bias: Float32Array.from(bias),
  };
}
