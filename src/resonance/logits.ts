import { kappaAt, type Scorer } from "./scorer.ts";

/** What a distribution is the softmax, or the sigmoids, of. */
export type Logits = Readonly<{
  /** Shape [segments + 1]; "none" is last, minus infinity in an independent map. */
  values: Float64Array;
  /** Share of the evidence that counts, in [0, 1]. */
  trust: number;
  /** What the calibration adds, times the trust; shape [segments + 1], "none" last. */
  intercepts: Float64Array;
  /** What each number along a segment's direction adds to its logit: trust and temperature by the length of z. */
  slope: number;
}>;

/** As in `scorer.ts`: a z shorter than this points nowhere. */
const SHORTEST = 1e-9;

/**
 * The logits behind a score, computed plainly:
 * `trust * (kappa * z.u_k / |z| + b_k) + log prior_k` with `z = embedding - centre`.
 *
 * @param embedding - Shape [dim].
 * @param evidence - Effective events, >= 0.
 * @param offsets - As `scoreInto` takes them.
 * @see METHODS 2.3.
 */
export function logitsOf(
  scorer: Scorer,
  embedding: Float32Array,
  evidence: number,
  offsets?: Float64Array,
): Logits {
  const { dim, segments, center, directions, calibration, logPrior, mode } = scorer;
  const trust = Math.min(1, evidence);
  const intercepts = Float64Array.of(...calibration.intercepts, calibration.noneIntercept).map(
    (intercept) => trust * intercept,
  );
  let squared = 0;
  for (let i = 0; i < dim; i++) squared += (embedding[i]! - center[i]!) ** 2;
  const isSomewhere = squared > SHORTEST * SHORTEST;
  const slope = isSomewhere ? (trust * kappaAt(calibration, evidence)) / Math.sqrt(squared) : 0;
  const values = new Float64Array(segments.length + 1);
  for (let k = 0; k < segments.length; k++) {
    let along = 0;
    for (let i = 0; i < dim; i++) along += (embedding[i]! - center[i]!) * directions[k * dim + i]!;
    values[k] = slope * along + intercepts[k]! + logPrior[k]! + (offsets?.[k] ?? 0);
  }
  const last = segments.length;
  const none = intercepts[last]! + logPrior[last]! + (offsets?.[last] ?? 0);
  values[last] = mode === "exclusive" ? none : Number.NEGATIVE_INFINITY;
  return { values, trust, intercepts, slope };
}
