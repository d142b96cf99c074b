import { cholesky, solveLower, solveLowerTransposed, symmetricEigen } from "./symmetric-matrix.ts";
import { addScaled, addScaledSingle, dot, scale } from "./vector.ts";

/** Standardised training samples. */
export type Samples = Readonly<{
  count: number;
  width: number;
  /** Shape [count, width]. */
  rows: Float32Array;
  /** Shape [count]. */
  weights: Float64Array;
  /** Segment by map, -1 without; one array of shape [count] for each map. */
  labels: readonly Int16Array[];
  segmentsOf: readonly number[];
}>;

/** A projection onto directions that tell segments apart, then onto others. */
export type Directions = Readonly<{
  /** Shape [width, dim]. */
  matrix: Float64Array;
  dim: number;
  supervised: number;
}>;

/**
 * Linear discriminant directions of all maps at once, in the space where the samples' covariance is the identity
 * (plus a ridge), so that the cosine to a segment's mean there is the discriminant score.
 *
 * @param prefer - Columns whose directions fill the free dimensions, the most important first.
 * @see Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, section 4.3.3.
 */
export function discriminantDirections(
  samples: Samples,
  prefer: readonly number[],
  limits: {
    readonly ridge: number;
    readonly dimMin: number;
    readonly dimMax: number;
    readonly freeDims: number;
  },
): Directions {
  const { width } = samples;
  const factor = cholesky(covariance(samples, limits.ridge), width);
  const found = segmentDirections(samples, factor);
  found.sort((a, b) => b.strength - a.strength);
  const basis = new Basis(width);
  const kept: Direction[] = [];
  for (const candidate of found) {
    if (basis.size === limits.dimMax - limits.freeDims) break;
    if (basis.add(candidate.direction)) kept.push(candidate);
  }
  const supervised = basis.size;
  const dim = Math.min(limits.dimMax, Math.max(limits.dimMin, supervised + limits.freeDims));
  for (const column of prefer) {
    if (basis.size === dim) break;
    const direction = new Float64Array(width);
    direction[column] = 1;
    solveLower(factor, width, direction);
    basis.add(direction);
  }
  const stretch = stretches(kept);
  const matrix = new Float64Array(width * dim);
  for (let j = 0; j < basis.size; j++) {
    const column = basis.row(j);
    solveLowerTransposed(factor, width, column); // Reads the direction off unwhitened rows.
    for (let i = 0; i < width; i++) matrix[i * dim + j] = column[i]! * (stretch[j] ?? 1);
  }
  return { matrix, dim, supervised };
}

/** `strength` is the variance of the segments' means along the direction. */
type Direction = Readonly<{ direction: Float64Array; strength: number; map: number }>;

/**
 * Power of a direction's strength by which it is stretched within its map. The score divides a profile by its
 * length, so that weak segments count as much as strong ones; at 0 their noise is loud, at 0.5 they are silenced.
 */
const STRETCH_POWER = 0.15;

/** A factor for each direction; those of one map keep their mean square. */
function stretches(directions: readonly Direction[]): number[] {
  const squares = new Map<number, number>();
  for (const { map, strength } of directions) {
    const share = strength ** (2 * STRETCH_POWER) / directions.filter((other) => other.map === map).length;
    squares.set(map, (squares.get(map) ?? 0) + share);
  }
  return directions.map(({ map, strength }) => strength ** STRETCH_POWER / Math.sqrt(squares.get(map) ?? 1));
}

/** The principal directions of each map's segment means, in whitened space. */
function segmentDirections(samples: Samples, factor: Float64Array): Direction[] {
  const { width } = samples;
  return samples.segmentsOf.flatMap((segments, m) => {
    const { means, shares } = segmentMeans(samples, m, segments);
    for (let k = 0; k < segments; k++) {
      const mean = means.subarray(k * width, (k + 1) * width);
      solveLower(factor, width, mean);
      scale(mean, 0, width, Math.sqrt(shares[k]!));
    }
    const gram = new Float64Array(segments * segments);
    for (let a = 0; a < segments; a++) {
      for (let b = 0; b < segments; b++)
        gram[a * segments + b] = dot(means, a * width, means, b * width, width);
    }
    const { values, vectors } = symmetricEigen(gram, segments);
    const directions: Direction[] = [];
    for (let j = 0; j < segments - 1; j++) {
      if (!(values[j]! > 1e-9)) break;
      const direction = new Float64Array(width);
      for (let k = 0; k < segments; k++)
        addScaled(direction, 0, means, k * width, width, vectors[j * segments + k]!);
      directions.push({ direction, strength: values[j]!, map: m });
    }
    return directions;
  });
}

/** Means relative to the map's own mean, and the segments' shares of the weight. */
function segmentMeans(
  { count, width, rows, weights, labels }: Samples,
  m: number,
  segments: number,
): { means: Float64Array; shares: Float64Array } {
  const label = labels[m]!;
  const means = new Float64Array(segments * width);
  const shares = new Float64Array(segments);
  const centre = new Float64Array(width);
  let all = 0;
  for (let s = 0; s < count; s++) {
    const k = label[s]!;
    if (k < 0) continue;
    addScaledSingle(means, k * width, rows, s * width, width, weights[s]!);
    addScaledSingle(centre, 0, rows, s * width, width, weights[s]!);
    shares[k]! += weights[s]!;
    all += weights[s]!;
  }
  for (let k = 0; k < segments; k++) {
    if (shares[k] === 0) continue;
    scale(means, k * width, width, 1 / shares[k]!);
    addScaled(means, k * width, centre, 0, width, -1 / all);
    shares[k]! /= all;
  }
  return { means, shares };
}

/** Rows that are added at once: each number of the sums is then read and written once for all of them. */
const BLOCK = 4;

function covariance({ count, width, rows, weights }: Samples, ridge: number): Float64Array {
  const sums = new Float64Array(width * width);
  const row = () => new Float64Array(width);
  const block: Quadruple = [row(), row(), row(), row()];
  let all = 0;
  for (let from = 0; from < count; from += BLOCK) {
    for (let b = 0; b < BLOCK; b++) {
      const weight = from + b < count ? weights[from + b]! : 0;
      all += weight;
      copyScaled(block[b]!, rows, (from + b) * width, Math.sqrt(weight));
    }
    addOuterProducts(sums, width, block);
  }
  for (let i = 0; i < width * width; i++) sums[i]! /= Math.max(all, Number.MIN_VALUE);
  for (let i = 0; i < width; i++) sums[i * width + i]! += ridge;
  return sums;
}

type Quadruple = readonly [Float64Array, Float64Array, Float64Array, Float64Array];

function copyScaled(to: Float64Array, from: Float32Array, fromAt: number, factor: number): void {
  if (factor === 0) to.fill(0);
  else for (let i = 0; i < to.length; i++) to[i] = from[fromAt + i]! * factor;
}

/** Adds each row's outer product with itself to the lower triangle of `sums`. */
function addOuterProducts(sums: Float64Array, width: number, [a, b, c, d]: Quadruple): void {
  for (let i = 0; i < width; i++) {
    const at = i * width;
    const ai = a[i]!;
    const bi = b[i]!;
    const ci = c[i]!;
    const di = d[i]!;
    for (let j = 0; j <= i; j++) sums[at + j]! += ai * a[j]! + bi * b[j]! + ci * c[j]! + di * d[j]!;
  }
}

/** Orthonormal directions, grown one by one. */
class Basis {
  readonly #width: number;
  readonly #rows: Float64Array[] = [];

  constructor(width: number) {
    this.#width = width;
  }

  get size(): number {
    return this.#rows.length;
  }

  /** A copy of a direction. */
  row(index: number): Float64Array {
    return this.#rows[index]!.slice();
  }

  /** Adds what a direction has beyond the present ones; false if that is next to nothing. */
  add(direction: Float64Array): boolean {
    const width = this.#width;
    const before = Math.sqrt(dot(direction, 0, direction, 0, width));
    if (before === 0) return false;
    const rest = direction.slice();
    // Twice: once leaves rounding errors where the rest is small.
    for (let round = 0; round < 2; round++) {
      for (const row of this.#rows) addScaled(rest, 0, row, 0, width, -dot(rest, 0, row, 0, width));
    }
    const after = Math.sqrt(dot(rest, 0, rest, 0, width));
    if (after < 1e-3 * before) return false;
    scale(rest, 0, width, 1 / after);
    this.#rows.push(rest);
    return true;
  }
}
