import { columnPlan } from "./column-plan.ts";
import type { Corpus } from "./corpus.ts";
import type { Samples } from "./discriminant.ts";
import { TOKEN_GROUP_COUNT } from "./event-tokens.ts";
import type { FitMaterial } from "./fit-material.ts";
import { labelWidth } from "./label-columns.ts";
import { FEATURE_CLIP } from "./linear-placement.ts";
import { addScaledSingle } from "./vector.ts";

/** Columns of a sample: label columns by token group, the same by how new the visitor is if there are any, components, features. */
export type ColumnLayout = Readonly<{
  labels: number;
  earlyAt: number;
  componentsAt: number;
  featuresAt: number;
  width: number;
}>;

export function columnLayout({ counts, logits, options, featureWidth }: FitMaterial): ColumnLayout {
  const labels = labelWidth(counts) + logits.width;
  const earlyAt = TOKEN_GROUP_COUNT * labels;
  const { early } = columnPlan(counts.classes, options);
  const componentsAt = early ? 2 * earlyAt : earlyAt;
  const featuresAt = componentsAt + options.components;
  return { labels, earlyAt, componentsAt, featuresAt, width: featuresAt + featureWidth };
}

/** Standardised samples, and how to do the same to others. */
export type TrainingSamples = Readonly<{
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

/**
 * Standardises the samples of some users.
 *
 * @param labelSums - Shape [samples, layout.componentsAt]: what {@link import("./label-columns.ts").labelColumns} sum up to.
 */
export function standardise(
  material: FitMaterial,
  layout: ColumnLayout,
  users: readonly number[],
  labelSums: Float32Array,
): TrainingSamples {
  const { corpus, counts, featureWidth, sampleComponents, options } = material;
  const indexes = samplesOf(corpus, users);
  const weights = Float64Array.from(indexes, (sample) => corpus.sampleWeight[sample]!);
  const sources: Source[] = [
    { matrix: labelSums, width: layout.componentsAt, at: 0 },
    { matrix: sampleComponents, width: options.components, at: layout.componentsAt },
    { matrix: corpus.features, width: featureWidth, at: layout.featuresAt },
  ];
  const found = sources.map(({ matrix, width }) => moments(matrix, width, indexes, weights));
  const mean = Float64Array.from(found.flatMap((of) => [...of.mean]));
  const scale = Float64Array.from(found.flatMap((of) => [...of.scale]));
  const weight = columnWeights(layout, scale);
  const used = Array.from(scale.keys()).filter((column) => scale[column]! > 0);
  const rows = new Float32Array(indexes.length * used.length);
  for (const { matrix, width, at } of sources) {
    const clip = at === layout.featuresAt ? FEATURE_CLIP : Number.POSITIVE_INFINITY;
    for (const [i, column] of used.entries()) {
      if (column < at || column >= at + width) continue;
      for (let row = 0; row < indexes.length; row++) {
        const z = (matrix[indexes[row]! * width + column - at]! - mean[column]!) * scale[column]!;
        rows[row * used.length + i] = Math.min(clip, Math.max(-clip, z)) * weight[column]!;
      }
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

/** A matrix of shape [samples, width] whose columns are the layout's from `at`. */
type Source = Readonly<{ matrix: Float32Array; width: number; at: number }>;

function samplesOf({ samplesAt }: Corpus, users: readonly number[]): Uint32Array {
  const lengths = users.map((u) => samplesAt[u + 1]! - samplesAt[u]!);
  const indexes = new Uint32Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const [i, u] of users.entries())
    for (let s = 0; s < lengths[i]!; s++) indexes[at++] = samplesAt[u]! + s;
  return indexes;
}

/** Features are trusted less than tokens: there are many, and most say little of any one segment. */
const FEATURE_WEIGHT = 0.4;
/** The strongest component is trusted more than a label column, the others less by the root of their strength. */
const COMPONENT_WEIGHT = 1.5;

function columnWeights(layout: ColumnLayout, scale: Float64Array): Float64Array {
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
    addScaledSingle(mean, 0, matrix, samples[row]! * width, width, weights[row]!);
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
