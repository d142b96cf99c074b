import { symmetricEigen } from "../embedding/symmetric-matrix.ts";
import type { PublishedProfiles } from "./published-profiles.ts";
import { prepareScorer } from "./scorer.ts";

/** A plane through the segments of a map on which they are as far apart as they can be: a picture of who is like whom. */
export type SegmentPlane = Readonly<{
  map: string;
  /** Of the profiles that it was laid through. */
  version: number;
  /** The encoder whose embeddings have a place on it. */
  encoder: string;
  dim: number;
  /** What is taken from an embedding first; shape [dim]. */
  center: Float32Array;
  /** Two orthonormal rows; shape [2 x dim]. */
  axes: Float32Array;
  /** In the map's order; a segment without members has no place. */
  segments: readonly PlacedSegment[];
  /** Share of what sets the segments apart that lies in the plane, in [0, 1]; 1 means that it shows all of it. */
  shown: number;
}>;

export type PlacedSegment = Readonly<{
  segment: string;
  members: number;
  /** In [-1, 1]; null without members. */
  place: readonly [x: number, y: number] | null;
}>;

/** A direction shorter than this is noise. */
const SHORTEST = 1e-9;
/** An axis that carries less than this share of what the first one does carries nothing. */
const LEAST_SHARE = 1e-9;

/**
 * Lays a plane through published profiles: the first two principal axes of the segments' directions from the centre of all,
 * which is what a score compares. Every segment counts alike, however many members it has.
 *
 * @param before - The plane that was shown so far: the new one is turned, and mirrored if need be, so that the segments of both
 * lie as near as can be to where they were. Axes have no sign of their own, and near-equal ones change places.
 * @see Pearson, "On lines and planes of closest fit", 1901; Schoenemann, "A generalized solution of the orthogonal Procrustes
 * problem", 1966 (here of 2 x 2, where it has a closed form).
 */
export function segmentPlane(published: PublishedProfiles, before?: SegmentPlane): SegmentPlane {
  const { directions, center, dim, cosineScales } = prepareScorer(published);
  const { profiles } = published;
  const held = profiles.flatMap((_, k) => {
    const scale = cosineScales?.[k] ?? 1;
    const unit = directions.subarray(k * dim, (k + 1) * dim).map((x) => x * scale);
    return unit.some((x) => Math.abs(x) > SHORTEST) ? [{ k, unit }] : [];
  });
  const units = held.map(({ unit }) => unit);
  const { axes, shown } = principalAxes(units, dim);
  const placed = (): PlacedSegment[] => {
    const places = new Map(held.map(({ k, unit }) => [k, productsWith(axes, unit, dim)]));
    return profiles.map(({ segment, members }, k) => ({
      segment,
      members,
      place: places.get(k) ?? (members > 0 ? ([0, 0] as const) : null), // Alone, a centroid is the centre.
    }));
  };
  if (before !== undefined) turn(axes, dim, placed(), before.segments);
  const { map, version, encoder } = published;
  return { map, version, encoder, dim, center, axes, segments: placed(), shown };
}

/**
 * Writes the place of an embedding: of its direction from the centre, so that no one is further out than 1.
 *
 * @param embedding - Shape [dim], of the plane's encoder.
 * @param out - Receives x and y at `at` and behind it; 0, 0 for an embedding that is the centre.
 */
export function placeOn(
  { axes, center, dim }: Pick<SegmentPlane, "axes" | "center" | "dim">,
  embedding: Float32Array,
  out: Float32Array,
  at: number,
): void {
  let squared = 0;
  let x = 0;
  let y = 0;
  for (let i = 0; i < dim; i++) {
    const z = embedding[i]! - center[i]!;
    squared += z * z;
    x += z * axes[i]!;
    y += z * axes[dim + i]!;
  }
  const scale = squared > SHORTEST * SHORTEST ? 1 / Math.sqrt(squared) : 0;
  out[at] = x * scale;
  out[at + 1] = y * scale;
}

/** The axes of most spread about the centre, and their share of all of it. */
function principalAxes(units: readonly Float32Array[], dim: number): { axes: Float32Array; shown: number } {
  const axes = new Float32Array(2 * dim);
  // Of U'U and UU' the smaller has the same eigenvalues, and tells the same axes.
  const isWide = units.length > dim;
  const size = isWide ? dim : units.length;
  const matrix = isWide ? secondMoments(units, dim) : gram(units);
  const { values, vectors } = symmetricEigen(matrix, size);
  const first = values[0] ?? 0;
  for (let a = 0; a < 2; a++) {
    const value = values[a] ?? 0;
    if (value <= LEAST_SHARE || value <= first * LEAST_SHARE) {
      fillAxis(axes, dim, a);
      continue;
    }
    const vector = vectors.subarray(a * size, (a + 1) * size);
    for (let i = 0; i < dim; i++) axes[a * dim + i] = isWide ? vector[i]! : componentOf(units, vector, i);
    normalise(axes, dim, a);
  }
  const all = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  const seen = Math.max(0, first) + Math.max(0, values[1] ?? 0);
  return { axes, shown: all > 0 ? Math.min(1, seen / all) : 1 };
}

function gram(units: readonly Float32Array[]): Float64Array {
  const size = units.length;
  const matrix = new Float64Array(size * size);
  for (let j = 0; j < size; j++)
    for (let k = 0; k <= j; k++) {
      let sum = 0;
      for (let i = 0; i < units[j]!.length; i++) sum += units[j]![i]! * units[k]![i]!;
      matrix[j * size + k] = sum;
      matrix[k * size + j] = sum;
    }
  return matrix;
}

function secondMoments(units: readonly Float32Array[], dim: number): Float64Array {
  const matrix = new Float64Array(dim * dim);
  for (const unit of units)
    for (let i = 0; i < dim; i++) for (let j = 0; j < dim; j++) matrix[i * dim + j]! += unit[i]! * unit[j]!;
  return matrix;
}

function componentOf(units: readonly Float32Array[], weights: Float64Array, i: number): number {
  let sum = 0;
  for (let k = 0; k < units.length; k++) sum += weights[k]! * units[k]![i]!;
  return sum;
}

/**
 * Two segments differ along one line. Visitors differ in other ways, too: the second axis is then the first coordinate of the
 * embedding that is not much of the first axis, since encoders put first what tells most.
 */
function fillAxis(axes: Float32Array, dim: number, axis: number): void {
  for (let coordinate = 0; coordinate < dim; coordinate++) {
    const along = axis === 0 ? 0 : axes[coordinate]!;
    if (Math.abs(along) > Math.SQRT1_2 && coordinate < dim - 1) continue;
    for (let i = 0; i < dim; i++) {
      const unit = i === coordinate ? 1 : 0;
      axes[axis * dim + i] = axis === 0 ? unit : unit - along * axes[i]!;
    }
    normalise(axes, dim, axis);
    return;
  }
}

function normalise(axes: Float32Array, dim: number, axis: number): void {
  let squared = 0;
  for (let i = 0; i < dim; i++) squared += axes[axis * dim + i]! ** 2;
  const scale = squared > 0 ? 1 / Math.sqrt(squared) : 0;
  for (let i = 0; i < dim; i++) axes[axis * dim + i]! *= scale;
}

function productsWith(axes: Float32Array, unit: Float32Array, dim: number): readonly [number, number] {
  let x = 0;
  let y = 0;
  for (let i = 0; i < dim; i++) {
    x += axes[i]! * unit[i]!;
    y += axes[dim + i]! * unit[i]!;
  }
  return [x, y];
}

/** Turns the axes in their plane, and mirrors it, so that segments lie as near as can be to where they were. */
function turn(
  axes: Float32Array,
  dim: number,
  now: readonly PlacedSegment[],
  before: readonly PlacedSegment[],
): void {
  const places = new Map(before.map(({ segment, place }) => [segment, place]));
  let [xx, xy, yx, yy] = [0, 0, 0, 0]; // Products of what is now and what was.
  for (const { segment, place } of now) {
    const was = places.get(segment);
    if (place === null || was === null || was === undefined) continue;
    xx += place[0] * was[0];
    xy += place[0] * was[1];
    yx += place[1] * was[0];
    yy += place[1] * was[1];
  }
  const turned = Math.hypot(xx + yy, xy - yx);
  const mirrored = Math.hypot(xx - yy, xy + yx);
  const best = Math.max(turned, mirrored);
  if (best === 0) return; // Nothing is known of where anything was.
  const isMirrored = mirrored > turned;
  const cos = (isMirrored ? xx - yy : xx + yy) / best;
  const sin = (isMirrored ? xy + yx : xy - yx) / best;
  const side = isMirrored ? -1 : 1;
  for (let i = 0; i < dim; i++) {
    const x = axes[i]!;
    const y = side * axes[dim + i]!;
    axes[i] = cos * x - sin * y;
    axes[dim + i] = sin * x + cos * y;
  }
}
