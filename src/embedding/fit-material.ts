import type { FeatureSchema } from "../features/feature-schema.ts";
import { type Corpus, projectSamples, readCorpus } from "./corpus.ts";
import type { History } from "./encoder.ts";
import { DEFAULT_FIT_OPTIONS, type FitOptions, type LabelledMap } from "./fit-options.ts";
import { countLabels, type LabelCounts } from "./label-columns.ts";
import { tokenComponents } from "./token-components.ts";
import { fitTokenLogits, type TokenLogits } from "./token-logits.ts";

/** What the fits of all folds share. No label has any influence on it but through the counts and logits, kept apart by fold. */
export type FitMaterial = Readonly<{
  corpus: Corpus;
  schema: string;
  featureWidth: number;
  counts: LabelCounts;
  logits: TokenLogits;
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
  return {
    corpus,
    schema: schema.version,
    featureWidth: schema.width,
    counts: countLabels(corpus, maps, options.folds),
    logits: fitTokenLogits(corpus, maps, options),
    components,
    sampleComponents,
    options,
  };
}
