/** Added to a square before its root is taken, in training and in serving alike. */
export const SQUARE_EPSILON = 1e-12;

/**
 * Makes an embedding of norm 1 from a projection: its unsupervised part gets the fixed length `fill` before the
 * whole is normalised, as in the linear encoder.
 *
 * @param projected - Shape [dim], the supervised directions first.
 */
export function composeEmbedding(
  projected: Float64Array,
  supervised: number,
  fill: number,
  out: Float32Array,
): void {
  let signal = 0;
  for (let i = 0; i < supervised; i++) signal += projected[i]! * projected[i]!;
  let rest = 0;
  for (let i = supervised; i < projected.length; i++) rest += projected[i]! * projected[i]!;
  const norm = Math.sqrt(fill * fill + signal);
  const restScale = fill / (norm * Math.sqrt(rest + SQUARE_EPSILON));
  for (let i = 0; i < supervised; i++) out[i] = projected[i]! / norm;
  for (let i = supervised; i < projected.length; i++) out[i] = projected[i]! * restScale;
}
