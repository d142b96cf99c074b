import type { FeatureSchema } from "../features/feature-schema.ts";
import type { History } from "./encoder.ts";
import { prepareFit } from "./fit-material.ts";
import type { FitOptions, LabelledMap } from "./fit-options.ts";
import type { LinearArtefact } from "./linear-artefact.ts";
import { artefactOf, fitWithout } from "./linear-fit.ts";

/**
 * Fits a linear encoder in closed form: the same histories and options give the same bytes.
 *
 * Columns are what each token says of each segment (from users of other folds, so that a rare item cannot give
 * its own user away), unsupervised components, and the standardised features; of those, discriminant directions.
 *
 * @throws EngineError `FIT_NOT_DEFINITE` if a ridge of 0 leaves the covariance singular.
 */
export function fitLinear(
  histories: readonly History[],
  maps: readonly LabelledMap[],
  schema: FeatureSchema,
  options: Partial<FitOptions>,
): LinearArtefact {
  const material = prepareFit(histories, maps, schema, options);
  return artefactOf(material, fitWithout(material, undefined));
}
