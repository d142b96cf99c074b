import { assert } from "../kernel/assert.ts";

/**
 * All that a report needs of one arm: sums over its units, which can be added up in any order and grouping. Values are on a
 * {@link onGrid | grid}, so that sums are exact, and the same however they are grouped, up to 2^37 (of squares).
 *
 * Layout: units, sum of x, of x^2; then for each metric, with y its value, d what it is divided by (1 for a mean) and x the
 * covariate: units with y other than 0, sums of y, y^2, d, d^2, y d, x y, x d.
 */
export type ArmSums = Float64Array;

/** Sums of no units. */
export function emptySums(metrics: number): ArmSums {
  return new Float64Array(UNIT_FIELDS + metrics * METRIC_FIELDS);
}

/** A value of a unit as sums take it: a multiple of 1/256, at most 2^18 in size. Squares are then exact, too. */
export function onGrid(value: number): number {
  return Math.max(-VALUE_MAX, Math.min(VALUE_MAX, Math.round(value * GRID) / GRID));
}

/** Adds a unit whose values are all 0 still. @param covariate - x, on the grid; known before the exposure. */
export function addUnit(sums: ArmSums, covariate: number): void {
  sums[UNITS]! += 1;
  sums[X]! += covariate;
  sums[XX]! += covariate ** 2;
}

/**
 * Takes in that a unit's value of one metric is now another.
 *
 * @param metric - Its place among the experiment's metrics.
 * @param before - y and d as the sums have them, 0 at first.
 * @param after - y and d as they are now, on the grid.
 */
export function moveUnit(
  sums: ArmSums,
  metric: number,
  covariate: number,
  before: Readonly<{ y: number; d: number }>,
  after: Readonly<{ y: number; d: number }>,
): void {
  const at = UNIT_FIELDS + metric * METRIC_FIELDS;
  assert(at < sums.length, "the sums have room for the metric");
  sums[at + NONZERO]! += Number(after.y !== 0) - Number(before.y !== 0);
  sums[at + Y]! += after.y - before.y;
  sums[at + YY]! += after.y ** 2 - before.y ** 2;
  sums[at + D]! += after.d - before.d;
  sums[at + DD]! += after.d ** 2 - before.d ** 2;
  sums[at + YD]! += after.y * after.d - before.y * before.d;
  sums[at + XY]! += covariate * (after.y - before.y);
  sums[at + XD]! += covariate * (after.d - before.d);
}

/** Adds the sums of other units, or of later changes to the same. */
export function mergeSums(into: ArmSums, added: ArmSums): void {
  assert(into.length === added.length, "both sums are of the same metrics");
  for (let i = 0; i < into.length; i++) into[i]! += added[i]!;
}

/** Units of an arm. */
export function unitsOf(sums: ArmSums): number {
  return sums[UNITS]!;
}

/** Sums over an arm's units, by name; see {@link ArmSums}. */
export type Moments = Readonly<{
  units: number;
  nonzero: number;
  x: number;
  xx: number;
  y: number;
  yy: number;
  d: number;
  dd: number;
  yd: number;
  xy: number;
  xd: number;
}>;

/** The sums of one metric. */
export function momentsOf(sums: ArmSums, metric: number): Moments {
  const at = UNIT_FIELDS + metric * METRIC_FIELDS;
  assert(at < sums.length, "the sums have the metric");
  return {
    units: sums[UNITS]!,
    nonzero: sums[at + NONZERO]!,
    x: sums[X]!,
    xx: sums[XX]!,
    y: sums[at + Y]!,
    yy: sums[at + YY]!,
    d: sums[at + D]!,
    dd: sums[at + DD]!,
    yd: sums[at + YD]!,
    xy: sums[at + XY]!,
    xd: sums[at + XD]!,
  };
}

const UNITS = 0;
const X = 1;
const XX = 2;
const UNIT_FIELDS = 3;

const NONZERO = 0;
const Y = 1;
const YY = 2;
const D = 3;
const DD = 4;
const YD = 5;
const XY = 6;
const XD = 7;
const METRIC_FIELDS = 8;

const GRID = 256;
const VALUE_MAX = 2 ** 18;
