/**
 * Mean and variance of weighted values in three slots: weight, sum of squared deviations, mean. The first two decay
 * (the mean does not), so `admit` over {@link DECAYING_MOMENTS} sums moves them on. The order does not matter.
 */
export const MOMENT_SLOTS = 3;
/** How many of the slots, from the first, shrink with time. */
export const DECAYING_MOMENTS = 2;

/**
 * Adds a value. Deviations are summed, not squares, so that large values with small differences keep their variance;
 * each addend is a square by two weights, so that no rounding makes their sum negative.
 *
 * @param at - The weight's slot.
 * @param weight - In [0, 1]; 0 adds nothing.
 * @see Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979.
 */
export function addToMoments(slab: Float64Array, at: number, value: number, weight: number): void {
  const held = slab[at]!;
  const total = held + weight;
  if (total === 0) return; // So late that even the first value's weight is nothing.
  const distance = value - slab[at + 2]!;
  const share = weight / total;
  slab[at] = total;
  slab[at + 1] = slab[at + 1]! + held * share * distance * distance;
  slab[at + 2] = slab[at + 2]! + share * distance;
}

/** Population standard deviation of what was added; 0 if that was nothing. */
export function deviationOf(slab: Float64Array, at: number): number {
  return slab[at]! > 0 ? Math.sqrt(slab[at + 1]! / slab[at]!) : 0;
}
