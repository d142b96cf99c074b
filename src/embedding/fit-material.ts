import type { FeatureSchema } from "../features/feature-schema.ts";
import { type Corpus, projectSamples, readCorpus } from "./corpus.ts";
import type { History } from "./encoder.ts";
import { DEFAULT_FIT_OPTIONS, type FitOptions, type LabelledMap } from "./fit-options.ts";
import { FEATURE_CLIP } from "./linear-placement.ts";
import type { DenseRows, SparseRows } from "./logistic-fit.ts";
import { readSampleRows } from "./sample-rows.ts";
import { tokenComponents } from "./token-components.ts";

/** What the fits of all folds share. No label has any influence on it. */
export type FitMaterial = Readonly<{
  corpus: Corpus;
  schema: string;
  /** Segments by map. */
  segmentsOf: readonly number[];
  rows: Readonly<{
    tokens: SparseRows;
    /** 1 / (events + 1)^power of each sample, and the same of the events that others recognise; shape [samples]. */
    shrink: Float64Array;
    shrinkRecognised: Float64Array;
    recognised: Float64Array;
  }>;
  /** Standardised features, weighted; shape [samples, features]. */
  dense: DenseRows;
  /** Mean, one over the standard deviation (0 for what does not vary); shape [features]. */
  mean: Float32Array;
  scale: Float32Array;
  /** Unsupervised components; shape [tokens, options.components]. */
  components: Float32Array;
  /** Each sample's place along them; shape [samples, options.components]. */
  sampleComponents: Float32Array;
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
  const components = tokenComponents(corpus, options);
  const width = options.components;
  const sampleComponents = new Float32Array(corpus.sampleEnd.length * width);
  const columns = { out: sampleComponents, at: 0, stride: width };
  projectSamples(corpus, corpus.foldOf.keys(), { table: components, width, blocks: 1 }, options, columns);
  const { tokens, recognised } = readSampleRows(corpus, options);
  const shrunk = (events: number): number => 1 / (events + 1) ** options.power;
  const { mean, scale } = moments(corpus.features, schema.width, corpus.sampleWeight);
  return {
    corpus,
    schema: schema.version,
    segmentsOf: maps.map(({ segments }) => segments.length),
    rows: {
      tokens,
      recognised,
      shrink: Float64Array.from(corpus.sampleEvents, shrunk),
      shrinkRecognised: Float64Array.from(recognised, shrunk),
    },
    dense: { width: schema.width, rows: standardised(corpus.features, mean, scale, options.featureWeight) },
    mean,
    scale,
    components,
    sampleComponents,
    options,
  };
}

/** A column that varies less than this, or than rounding, says nothing. */
const DEVIATION_MIN = 1e-6;

/** Weighted mean, and one over the standard deviation, of each column of a matrix of shape [samples, width]. */
export function moments(
  matrix: Float32Array,
  width: number,
  weights: Float64Array,
): { mean: Float32Array; scale: Float32Array } {
  const mean = new Float64Array(width);
  const squares = new Float64Array(width);
  let all = 0;
  for (let row = 0; row < weights.length; row++) {
    all += weights[row]!;
    for (let c = 0; c < width; c++) mean[c]! += weights[row]! * matrix[row * width + c]!;
  }
  for (let c = 0; c < width; c++) mean[c] = Math.fround(mean[c]! / Math.max(all, Number.MIN_VALUE));
  for (let row = 0; row < weights.length; row++) {
    for (let c = 0; c < width; c++) {
      squares[c]! += weights[row]! * (matrix[row * width + c]! - mean[c]!) ** 2;
    }
  }
  const scale = Float32Array.from(squares, (square, c) => {
    const deviation = Math.sqrt(square / Math.max(all, Number.MIN_VALUE));
    return deviation > DEVIATION_MIN * (1 + Math.abs(mean[c]!)) ? 1 / deviation : 0;
  });
  return { mean: Float32Array.from(mean), scale };
}

function standardised(
  features: Float32Array,
  mean: Float32Array,
  scale: Float32Array,
  weight: number,
): Float32Array {
  const width = mean.length;
  return features.map((x, i) => {
    const z = (x - mean[i % width]!) * scale[i % width]!;
    return weight * Math.max(-FEATURE_CLIP, Math.min(FEATURE_CLIP, z));
  });
}
