/**
 * How evenly weights are spread over `places`: entropy of their shares by its largest value, log(places).
 *
 * @param weights - `weights[at .. at + count)`, each >= 0; shares are of their sum.
 * @param places - >= 2 and >= count.
 * @returns In [0, 1]; 0 if one has all the weight or none has any.
 */
export function evenness(weights: Float64Array, at: number, count: number, places: number): number {
  return entropyOf(weights, at, count) / Math.log(places);
}

/** Entropy of the shares of `weights[at .. at + count)` in nats, as log T - (sum of w log w) / T. */
export function entropyOf(weights: Float64Array, at: number, count: number): number {
  let total = 0;
  let spread = 0;
  for (let slot = at; slot < at + count; slot++) {
    const weight = weights[slot]!;
    if (weight <= 0) continue;
    total += weight;
    spread += weight * Math.log(weight);
  }
  return total > 0 ? Math.max(0, Math.log(total) - spread / total) : 0;
}
