/**
 * Loops over flat arrays: matrices are row-major, rows begin at `row * width`. The non-null `!` of this folder
 * states what every caller keeps: indexes are in bounds. A check for each number would cost more than the sum.
 */

/** Adds `factor` times `length` numbers from `from[fromAt]` to `to[toAt ..]`. */
export function addScaled(
  to: Float64Array,
  toAt: number,
  from: Float64Array,
  fromAt: number,
  length: number,
  factor: number,
): void {
  for (let i = 0; i < length; i++) to[toAt + i]! += factor * from[fromAt + i]!;
}

/** {@link addScaled} from single precision: a loop that meets arrays of one type only runs twice as fast. */
export function addScaledSingle(
  to: Float64Array,
  toAt: number,
  from: Float32Array,
  fromAt: number,
  length: number,
  factor: number,
): void {
  for (let i = 0; i < length; i++) to[toAt + i]! += factor * from[fromAt + i]!;
}

/** Multiplies `length` numbers from `values[at]` by `factor`. */
export function scale(values: Float64Array, at: number, length: number, factor: number): void {
  for (let i = at; i < at + length; i++) values[i]! *= factor;
}

/** The inner product of `length` numbers from `a[aAt]` and from `b[bAt]`. */
export function dot(a: Float64Array, aAt: number, b: Float64Array, bAt: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[aAt + i]! * b[bAt + i]!;
  return sum;
}
