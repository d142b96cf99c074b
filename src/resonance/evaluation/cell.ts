import { calibrationError, calibrationErrorByChance } from "../metrics.ts";

/** How well one method tells some users' segments at one depth, and what each user contributes to that. */
export type Cell = Readonly<{
  /** Macro one-vs-rest; NaN if fewer than two segments have users. */
  auc: number;
  /** Mean, in nats. */
  logLoss: number;
  /** Confidence ECE over 15 bins of equal mass. */
  ece: number;
  /** The ECE that perfectly calibrated confidences would show on as many users, by chance. */
  eceByChance: number;
  /**
   * How far each user moves the metric, times the number of users; sums to 0. Shape [users]. The standard error of a
   * difference between two methods follows from the difference of these.
   */
  aucInfluence: Float64Array;
  lossInfluence: Float64Array;
}>;

const ECE_BINS = 15;
/** A probability of 0 for what happened would make one mistake infinite. */
const LEAST_PROBABILITY = 1e-15;

/**
 * Measures scores.
 *
 * @param scores - Shape [users, segments]: each row a distribution.
 * @param labels - Index of each user's segment; shape [users].
 */
export function cellOf(scores: Float64Array, labels: Int16Array, segments: number): Cell {
  const rows = Array.from(labels, (_, i) => scores.subarray(i * segments, (i + 1) * segments));
  const losses = Float64Array.from(
    labels,
    (label, i) => -Math.log(Math.max(LEAST_PROBABILITY, rows[i]![label]!)),
  );
  const logLoss = losses.reduce((sum, loss) => sum + loss, 0) / labels.length;
  const { auc, influence } = macroAucOf(scores, labels, segments);
  return {
    auc,
    logLoss,
    ece: calibrationError(rows, [...labels], ECE_BINS),
    eceByChance: calibrationErrorByChance(rows, ECE_BINS),
    aucInfluence: influence,
    lossInfluence: losses.map((loss) => loss - logLoss),
  };
}

/**
 * Area under the ROC curve of each segment against the rest, averaged over those that occur, with each user's
 * influence on it: the structural components of DeLong's method, averaged over the segments.
 *
 * @see DeLong, DeLong & Clarke-Pearson, "Comparing the Areas under Two or More Correlated Receiver Operating
 * Characteristic Curves", Biometrics 1988.
 */
function macroAucOf(
  scores: Float64Array,
  labels: Int16Array,
  segments: number,
): { auc: number; influence: Float64Array } {
  const users = labels.length;
  const influence = new Float64Array(users);
  const values = new Float64Array(users);
  const order = Uint32Array.from({ length: users }, (_, i) => i);
  const components = new Float64Array(users);
  let sum = 0;
  let occurring = 0;
  for (let k = 0; k < segments; k++) {
    for (let i = 0; i < users; i++) values[i] = scores[i * segments + k]!;
    const positives = labels.reduce((count, label) => count + (label === k ? 1 : 0), 0);
    if (positives === 0 || positives === users) continue;
    order.sort((a, b) => values[a]! - values[b]!);
    const auc = writeComponents({ values, order, labels, k, positives }, components);
    for (let i = 0; i < users; i++) {
      const share = users / (labels[i] === k ? positives : users - positives);
      influence[i]! += share * (components[i]! - auc);
    }
    sum += auc;
    occurring++;
  }
  if (occurring === 0) return { auc: Number.NaN, influence };
  for (let i = 0; i < users; i++) influence[i]! /= occurring;
  return { auc: sum / occurring, influence };
}

/** For each positive the share of negatives below it, for each negative that of positives above; ties count half. */
function writeComponents(
  given: {
    readonly values: Float64Array;
    readonly order: Uint32Array;
    readonly labels: Int16Array;
    readonly k: number;
    readonly positives: number;
  },
  out: Float64Array,
): number {
  const { values, order, labels, k, positives } = given;
  const negatives = order.length - positives;
  let [positivesBelow, negativesBelow, auc] = [0, 0, 0];
  for (let from = 0; from < order.length; ) {
    let to = from;
    let tied = 0;
    while (to < order.length && values[order[to]!] === values[order[from]!]) {
      if (labels[order[to]!] === k) tied++;
      to++;
    }
    const tiedNegatives = to - from - tied;
    for (let j = from; j < to; j++) {
      const i = order[j]!;
      if (labels[i] === k) {
        out[i] = (negativesBelow + tiedNegatives / 2) / negatives;
        auc += out[i]! / positives;
      } else out[i] = (positives - positivesBelow - tied / 2) / positives;
    }
    positivesBelow += tied;
    negativesBelow += tiedNegatives;
    from = to;
  }
  return auc;
}
