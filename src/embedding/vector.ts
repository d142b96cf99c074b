/**
 * Loops over flat arrays: matrices are row-major, rows begin at `row * width`. The non-null `!` of this folder
 * states what every caller keeps: indexes are in bounds. A check for each number would cost more than the sum.
 */

/** Any array of numbers that a kernel may read or write. */
export type Numbers = Float32Array | Float64Array;

/** Adds `factor` times `length` numbers from `from[fromAt]` to `to[toAt ..]`. */
export function addScaled(
  to: Numbers,
  toAt: number,
  from: Numbers,
  fromAt: number,
  length: number,
  factor: number,
): void {
  for (let i = 0; i < length; i++) to[toAt + i]! += factor * from[fromAt + i]!;
}

/** Multiplies `length` numbers from `values[at]` by `factor`. */
export function scale(values: Numbers, at: number, length: number, factor: number): void {
  for (let i = at; i < at + length; i++) values[i]! *= factor;
}

/** The inner product of `length` numbers from `a[aAt]` and from `b[bAt]`. */
export function dot(a: Numbers, aAt: number, b: Numbers, bAt: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[aAt + i]! * b[bAt + i]!;
  return sum;
}
