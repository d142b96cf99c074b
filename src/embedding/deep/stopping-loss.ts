/** Embedded histories of labelled users of one map. */
export type EmbeddedRows = Readonly<{
  /** Shape [rows, dim]. */
  embeddings: Float32Array;
  /** Segment of each row, -1 without one. */
  labels: Int16Array;
  evidence: Float64Array;
}>;

/** Ends of the depth bins, in events: each has an inverse temperature of its own. */
const DEPTH_ENDS = [1.5, 5.5, 20.5, Number.POSITIVE_INFINITY];
const KAPPA_MAX = 60;
const ROUNDS = 24;

/**
 * The log-loss of members who were not learnt from, against the profiles of those who were, at the inverse
 * temperature that suits each depth best: what is compared is how well networks tell segments apart, not their scale.
 *
 * @param profiled - Members at the end of their histories.
 * @returns In nats, beside that of the prior alone; undefined if it can't be told.
 */
export function stoppingLoss(
  dim: number,
  segments: number,
  profiled: EmbeddedRows,
  rows: EmbeddedRows,
): { loss: number; prior: number } | undefined {
  const { directions, centre, logPrior, isPresent } = directionsOf(dim, segments, profiled);
  const chosen = [...rows.labels.keys()].filter(
    (row) => isPresent[rows.labels[row]!] === 1 && rows.evidence[row]! > 0,
  );
  if (chosen.length === 0 || isPresent.reduce((sum, one) => sum + one, 0) < 2) return undefined;
  const cosines = chosen.map((row) => cosinesOf(rows.embeddings, row, dim, centre, directions));
  let loss = 0;
  let from = 0;
  for (const end of DEPTH_ENDS) {
    const bin = chosen.flatMap((row, i) =>
      rows.evidence[row]! > from && rows.evidence[row]! <= end ? [i] : [],
    );
    from = end;
    const at = (kappa: number): number =>
      bin.reduce((sum, i) => sum + negativeLog(logPrior, cosines[i]!, kappa, rows.labels[chosen[i]!]!), 0);
    loss += at(smallest(at));
  }
  const prior = chosen.reduce(
    (sum, row, i) => sum + negativeLog(logPrior, cosines[i]!, 0, rows.labels[row]!),
    0,
  );
  return { loss: loss / chosen.length, prior: prior / chosen.length };
}

/** Where a convex function is smallest, by thirds. */
function smallest(of: (kappa: number) => number): number {
  let [low, high] = [0, KAPPA_MAX];
  for (let round = 0; round < ROUNDS; round++) {
    const third = (high - low) / 3;
    if (of(low + third) < of(high - third)) high -= third;
    else low += third;
  }
  return low;
}

function negativeLog(logPrior: Float64Array, cosines: Float64Array, kappa: number, label: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < cosines.length; k++) highest = Math.max(highest, logPrior[k]! + kappa * cosines[k]!);
  let sum = 0;
  for (let k = 0; k < cosines.length; k++) sum += Math.exp(logPrior[k]! + kappa * cosines[k]! - highest);
  return highest + Math.log(sum) - logPrior[label]! - kappa * cosines[label]!;
}

function directionsOf(dim: number, segments: number, { embeddings, labels }: EmbeddedRows) {
  const counts = new Float64Array(segments);
  const means = new Float64Array(segments * dim);
  for (const [row, label] of labels.entries()) {
    if (label < 0) continue;
    counts[label]! += 1;
    for (let i = 0; i < dim; i++) means[label * dim + i]! += embeddings[row * dim + i]!;
  }
  const isPresent = Uint8Array.from(counts, (count) => (count > 0 ? 1 : 0));
  const present = isPresent.reduce((sum, one) => sum + one, 0);
  const members = counts.reduce((sum, count) => sum + count, 0);
  const centre = new Float64Array(dim);
  for (let k = 0; k < segments; k++) {
    if (counts[k] === 0) continue;
    for (let i = 0; i < dim; i++) {
      means[k * dim + i]! /= counts[k]!;
      centre[i]! += means[k * dim + i]! / present;
    }
  }
  for (let k = 0; k < segments; k++) {
    if (counts[k] === 0) continue;
    let square = 0;
    for (let i = 0; i < dim; i++) square += (means[k * dim + i]! - centre[i]!) ** 2;
    const factor = square > 0 ? 1 / Math.sqrt(square) : 0;
    for (let i = 0; i < dim; i++) means[k * dim + i] = (means[k * dim + i]! - centre[i]!) * factor;
  }
  const logPrior = counts.map((count) => (count > 0 ? Math.log(count / members) : Number.NEGATIVE_INFINITY));
  return { directions: means, centre, logPrior, isPresent };
}

function cosinesOf(
  embeddings: Float32Array,
  row: number,
  dim: number,
  centre: Float64Array,
  directions: Float64Array,
): Float64Array {
  const cosines = new Float64Array(directions.length / dim);
  let square = 0;
  for (let i = 0; i < dim; i++) {
    const x = embeddings[row * dim + i]! - centre[i]!;
    square += x * x;
    for (let k = 0; k < cosines.length; k++) cosines[k]! += x * directions[k * dim + i]!;
  }
  const factor = square > 0 ? 1 / Math.sqrt(square) : 0;
  for (let k = 0; k < cosines.length; k++) cosines[k]! *= factor;
  return cosines;
}
