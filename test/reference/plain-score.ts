import { DimensionMismatch } from "../../src/embedding/dimension-mismatch.ts";
import { kappaAt, type ScoreBuffer, type Scorer } from "../../src/resonance/scorer.ts";

/** A direction shorter than this is noise: the centroid is the centre. */
const SHORTEST = 1e-9;

/** What `scoreInto` computes, as plain code: the reference of the vector kernel. */
export function plainScoreInto(
  scorer: Scorer,
  embedding: Float32Array,
  evidence: number,
  out: ScoreBuffer,
  offsets?: Float64Array,
): void {
  const { dim, segments, center, directions, calibration, logPrior } = scorer;
  if (embedding.length !== dim) throw new DimensionMismatch({ expected: dim, actual: embedding.length });
  const { similarities, probabilities } = out;
  let squared = 0;
  for (let i = 0; i < dim; i++) {
    const z = embedding[i]! - center[i]!;
    squared += z * z;
  }
  const scale = squared > SHORTEST * SHORTEST ? 1 / Math.sqrt(squared) : 0;
  const trust = Math.min(1, evidence);
  const kappa = kappaAt(calibration, evidence);
  const priorOf = (k: number): number => logPrior[k]! + (offsets?.[k] ?? 0);
  const count = segments.length;
  for (let k = 0; k < count; k++) {
    let dot = 0;
    const row = k * dim;
    for (let i = 0; i < dim; i++) dot += (embedding[i]! - center[i]!) * directions[row + i]!;
    const similarity = Math.max(-1, Math.min(1, dot * scale));
    similarities[k] = similarity;
    probabilities[k] = trust * (kappa * similarity + calibration.intercepts[k]!) + priorOf(k);
  }
  probabilities[count] = trust * calibration.noneIntercept + priorOf(count);
  if (scorer.mode === "exclusive") softmax(probabilities, count + 1);
  else sigmoids(probabilities, count);
}

function softmax(logits: Float64Array, count: number): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < count; k++) highest = Math.max(highest, logits[k]!);
  let sum = 0;
  for (let k = 0; k < count; k++) {
    const e = Math.exp(logits[k]! - highest);
    logits[k] = e;
    sum += e;
  }
  for (let k = 0; k < count; k++) logits[k] = logits[k]! / sum;
}

function sigmoids(logits: Float64Array, count: number): void {
  for (let k = 0; k < count; k++) logits[k] = 1 / (1 + Math.exp(-logits[k]!));
  logits[count] = 0;
}
