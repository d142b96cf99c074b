import type { Scalar, Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import { dense, type Tensors } from "./tensor-ops.ts";

const MASKED = -1e9;
const EPSILON = 1e-12;
const SHARPNESS_MAX = 100;

/** Members of one map in a batch. */
export type LabelledRows = Readonly<{
  /** Segment of each row, -1 without one. */
  labels: Int16Array;
  /** Logarithm of each segment's share. */
  logPrior: Float32Array;
}>;

/**
 * How badly members are told apart by the cosine to the segments' centroids, as they will be scored: centred, with
 * the prior, and with the own centroid taken without oneself.
 *
 * @param embeddings - Shape [rows, dim].
 * @param sharpness - Inverse temperature of each row; shape [rows, 1].
 * @returns Mean negative log-likelihood, in nats; 0 if no segment has two members.
 * @see Snell, Swersky & Zemel, "Prototypical Networks for Few-shot Learning", 2017.
 */
export function prototypeLoss(
  tf: Tensors,
  embeddings: Tensor2D,
  { labels, logPrior }: LabelledRows,
  sharpness: Tensor2D,
): Scalar {
  const [rows, segments] = [labels.length, logPrior.length];
  const counts = new Float32Array(segments);
  for (const label of labels) if (label >= 0) counts[label]! += 1;
  const isPresent = counts.map((count) => (count >= 2 ? 1 : 0));
  const present = isPresent.reduce((sum, one) => sum + one, 0);
  if (present < 2) return tf.scalar(0);
  const own = new Float32Array(rows * segments);
  for (const [row, label] of labels.entries()) {
    if (label >= 0 && isPresent[label] === 1) own[row * segments + label] = 1;
  }
  const members = own.reduce((sum, one) => sum + one, 0);
  const isOwn = tf.tensor2d(own, [rows, segments]);
  const sums = dense(tf, tf.transpose(isOwn), embeddings);
  const means = tf.div(
    sums,
    tf.tensor2d(
      counts.map((n) => Math.max(1, n)),
      [segments, 1],
    ),
  );
  const share = tf.tensor2d(
    isPresent.map((one) => one / present),
    [segments, 1],
  );
  const centre = tf.sum(tf.mul(means, share), 0, true);
  const centred = unit(tf, tf.sub(embeddings, centre));
  const others = dense(tf, centred, tf.transpose(unit(tf, tf.sub(means, centre))));
  // Rows without a segment divide by one instead of nothing: their part is masked below.
  const rest = Float32Array.from(labels, (label) => (label < 0 ? 1 : Math.max(1, counts[label]! - 1)));
  const without = tf.div(tf.sub(dense(tf, isOwn, sums), embeddings), tf.tensor2d(rest, [rows, 1]));
  const toOwn = tf.sum(tf.mul(centred, unit(tf, tf.sub(without, centre))), 1, true);
  const cosines = tf.add(tf.mul(others, tf.sub(1, isOwn)), tf.mul(toOwn, isOwn));
  const offsets = logPrior.map((log, k) => (isPresent[k] === 1 ? log : MASKED));
  const logits = tf.add(tf.mul(cosines, sharpness), tf.tensor2d(offsets, [1, segments]));
  return tf.div(tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), isOwn))), members) as Scalar;
}

/** The inverse temperature of a history: it rises with the evidence. Shape [rows, 1]. */
export function sharpnessOf(tf: Tensors, sharpness: Tensor1D, evidence: Float64Array): Tensor2D {
  const depth = tf.tensor2d(Float32Array.from(evidence, Math.log1p), [evidence.length, 1]);
  const log = tf.add(tf.slice(sharpness, 0, 1), tf.mul(tf.slice(sharpness, 1, 1), depth));
  return tf.exp(tf.minimum(log, Math.log(SHARPNESS_MAX))) as Tensor2D;
}

/**
 * How badly a row of `queries` finds its own among `keys`, by the inner product: the cross-entropy over the batch.
 *
 * @param isRival - Whether key j may count against query i; a row is never its own rival.
 */
export function contrastLoss(
  tf: Tensors,
  queries: Tensor2D,
  keys: Tensor2D,
  temperature: number,
  isRival: (query: number, key: number) => boolean,
): Scalar {
  const rows = queries.shape[0];
  const mask = new Float32Array(rows * rows);
  const own = new Float32Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    own[i * rows + i] = 1;
    for (let j = 0; j < rows; j++) if (i !== j && !isRival(i, j)) mask[i * rows + j] = MASKED;
  }
  const products = tf.div(dense(tf, queries, tf.transpose(keys)), temperature);
  const shares = tf.logSoftmax(tf.add(products, tf.tensor2d(mask, [rows, rows])));
  return tf.div(tf.neg(tf.sum(tf.mul(shares, tf.tensor2d(own, [rows, rows])))), rows) as Scalar;
}

function unit(tf: Tensors, x: Tensor): Tensor2D {
  return tf.div(x, tf.sqrt(tf.add(tf.sum(tf.square(x), 1, true), EPSILON))) as Tensor2D;
}
