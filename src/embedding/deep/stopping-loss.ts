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
 * @returns In nats, a number a row; NaN for one that can't be scored.
 */
export function stoppingLosses(
  dim: number,
  segments: number,
  profiled: EmbeddedRows,
  rows: EmbeddedRows,
): Float64Array {
  const { directions, centre, logPrior } = profilesOf(dim, segments, profiled);
  const losses = new Float64Array(rows.labels.length).fill(Number.NaN);
  const cosines = cosineRows(rows, dim, centre, directions);
  let from = 0;
  for (const end of DEPTH_ENDS) {
    const bin: number[] = [];
    for (const [row, label] of rows.labels.entries()) {
      const isKnown = label >= 0 && logPrior[label]! > Number.NEGATIVE_INFINITY;
      if (isKnown && rows.evidence[row]! > from && rows.evidence[row]! <= end) bin.push(row);
    }
    from = end;
    const lossAt = (row: number, kappa: number): number =>
      negativeLog(logPrior, cosines[row]!, kappa, rows.labels[row]!);
    const kappa = smallest((at) => bin.reduce((sum, row) => sum + lossAt(row, at), 0));
    for (const row of bin) losses[row] = lossAt(row, kappa);
  }
  return losses;
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

type Profiles = Readonly<{ directions: Float64Array; centre: Float64Array; logPrior: Float64Array }>;

function profilesOf(dim: number, segments: number, { embeddings, labels }: EmbeddedRows): Profiles {
  const counts = new Float64Array(segments);
  const means = new Float64Array(segments * dim);
  for (const [row, label] of labels.entries()) {
    if (label < 0) continue;
    counts[label]! += 1;
    for (let i = 0; i < dim; i++) means[label * dim + i]! += embeddings[row * dim + i]!;
  }
  const present = counts.filter((count) => count > 0).length;
  const members = counts.reduce((sum, count) => sum + count, 0);
  const centre = new Float64Array(dim);
  for (let k = 0; k < segments; k++) {
    for (let i = 0; i < dim && counts[k]! > 0; i++) {
      means[k * dim + i]! /= counts[k]!;
      centre[i]! += means[k * dim + i]! / present;
    }
  }
  for (let k = 0; k < segments; k++) {
    const direction = means.subarray(k * dim, (k + 1) * dim);
    for (let i = 0; i < dim; i++) direction[i]! -= counts[k]! > 0 ? centre[i]! : 0;
    scaleToUnit(direction);
  }
  const logPrior = counts.map((count) => (count > 0 ? Math.log(count / members) : Number.NEGATIVE_INFINITY));
  return { directions: means, centre, logPrior };
}

function cosineRows(
  { embeddings, labels }: EmbeddedRows,
  dim: number,
  centre: Float64Array,
  directions: Float64Array,
): Float64Array[] {
  const centred = new Float64Array(dim);
  return Array.from(labels, (_, row) => {
    for (let i = 0; i < dim; i++) centred[i] = embeddings[row * dim + i]! - centre[i]!;
    scaleToUnit(centred);
    const cosines = new Float64Array(directions.length / dim);
    for (let k = 0; k < cosines.length; k++) {
      for (let i = 0; i < dim; i++) cosines[k]! += centred[i]! * directions[k * dim + i]!;
    }
    return cosines;
  });
}

function scaleToUnit(vector: Float64Array): void {
  const square = vector.reduce((sum, x) => sum + x * x, 0);
  const factor = square > 0 ? 1 / Math.sqrt(square) : 0;
  for (let i = 0; i < vector.length; i++) vector[i]! *= factor;
}
