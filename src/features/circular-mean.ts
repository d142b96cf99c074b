/**
 * The weighted mean direction of times on a circle (a day, a week) in two slots: sum of cosines, sum of sines. So
 * 23:00 and 01:00 average to midnight, which hour numbers do not.
 *
 * @param phase - In turns: 0.25 of a day is six in the morning.
 * @see METHODS 5.3.
 */
export function addPhase(slab: Float64Array, at: number, phase: number, weight: number): void {
  const angle = 2 * Math.PI * phase;
  slab[at] = slab[at]! + weight * Math.cos(angle);
  slab[at + 1] = slab[at + 1]! + weight * Math.sin(angle);
}

/**
 * Writes mean cosine, mean sine and strength (length of their vector: 1 if all times are the same, 0 if they spread
 * evenly) to `out[outAt ..]`.
 *
 * @param weight - Sum of the weights added; nothing is known while it is 0, and all three read 0.
 */
export function readDirection(
  slab: Float64Array,
  at: number,
  weight: number,
  out: Float32Array,
  outAt: number,
): void {
  const scale = weight > 0 ? 1 / weight : 0;
  const cosine = slab[at]! * scale;
  const sine = slab[at + 1]! * scale;
  out[outAt] = cosine;
  out[outAt + 1] = sine;
  out[outAt + 2] = Math.sqrt(cosine * cosine + sine * sine);
}
