import { addScaled } from "../vector.ts";

/** Loops of a network that serves: weights row-major of shape [inputs, outputs], in float64 so that nothing is converted. */

/** Adds `x W` to `out`, where `x` is `inputs` numbers from `x[xAt]` and `out` has `outputs` numbers from `out[outAt]`. */
export function addProduct(
  x: Float64Array,
  xAt: number,
  weights: Float64Array,
  out: Float64Array,
  { inputs, outputs, firstRow, outAt }: ProductShape,
): void {
  for (let i = 0; i < inputs; i++) {
    const value = x[xAt + i]!;
    if (value === 0) continue;
    addScaled(out, outAt, weights, (firstRow + i) * outputs, outputs, value);
  }
}

/** A part of a product: rows of the weights from `firstRow`. */
export type ProductShape = Readonly<{ inputs: number; outputs: number; firstRow: number; outAt: number }>;

/** Negative numbers to 0, in place. */
export function rectify(values: Float64Array): void {
  for (let i = 0; i < values.length; i++) if (values[i]! < 0) values[i] = 0;
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Added to a variance before its root is taken. */
export const NORM_EPSILON = 1e-5;

/** Writes `x`, shifted and scaled to mean 0 and variance 1, to `out`. */
export function normaliseLayer(x: Float64Array, out: Float64Array): void {
  let mean = 0;
  for (let i = 0; i < x.length; i++) mean += x[i]!;
  mean /= x.length;
  let variance = 0;
  for (let i = 0; i < x.length; i++) variance += (x[i]! - mean) ** 2;
  const factor = 1 / Math.sqrt(variance / x.length + NORM_EPSILON);
  for (let i = 0; i < x.length; i++) out[i] = (x[i]! - mean) * factor;
}
