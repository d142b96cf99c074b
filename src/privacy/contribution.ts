/** What one member adds to the sums of a bucket at most: a vector no longer than this, and the count coordinate. */
export const CLIP_NORM = 1;
/** Sums are of whole multiples of this: whole numbers add up exactly, in any order. */
export const CONTRIBUTION_GRID = 2 ** -12;
/**
 * What one member adds to the count coordinate. The count could be noised alone; as one more coordinate of the vector it shares
 * the sensitivity, and this weight balances what vector and count lose to it.
 */
export const COUNT_WEIGHT = 0.5;
/** The count coordinate of one member, in units of the grid. */
export const COUNT_UNITS = Math.round(COUNT_WEIGHT / CONTRIBUTION_GRID);
/** How far one contribution can move a bucket's sums, L2, vector and count together. */
export const SENSITIVITY = Math.hypot(CLIP_NORM, COUNT_WEIGHT);
/** The same in units of the grid, squared: a whole number. */
export const SQUARED_SENSITIVITY_UNITS = (CLIP_NORM / CONTRIBUTION_GRID) ** 2 + COUNT_UNITS ** 2;

/**
 * A vector shortened to the clipping norm if it is longer.
 *
 * @param vector - Shape [dim].
 * @returns A new vector; undefined if a coordinate is not finite.
 */
export function clip(vector: ArrayLike<number>, norm = CLIP_NORM): Float64Array | undefined {
  const clipped = Float64Array.from(vector);
  let largest = 0;
  for (const value of clipped) {
    if (!Number.isFinite(value)) return undefined;
    largest = Math.max(largest, Math.abs(value));
  }
  if (largest === 0) return clipped;
  // Squares of huge coordinates would be infinite.
  const length = largest * Math.hypot(...clipped.map((value) => value / largest));
  if (length > norm) for (let i = 0; i < clipped.length; i++) clipped[i] = (clipped[i]! / length) * norm;
  return clipped;
}

/**
 * A clipped vector in whole units of the grid, truncated toward zero, so that quantising lengthens nothing. Clipping may
 * leave a vector a rounding error too long: then a unit is taken off its largest coordinate, until an exact sum of squares
 * says that it is not.
 *
 * @returns Shape [dim].
 */
export function quantiseTowardZero(vector: ArrayLike<number>, norm = CLIP_NORM): Int32Array {
  const units = Int32Array.from(vector, (value) => Math.trunc(value / CONTRIBUTION_GRID));
  while (!isWithinNorm(units, norm)) {
    let at = 0;
    for (let i = 1; i < units.length; i++) if (Math.abs(units[i]!) > Math.abs(units[at]!)) at = i;
    units[at]! -= Math.sign(units[at]!);
  }
  return units;
}

/** Whether whole units of the grid are no longer than the clipping norm: exact, since they are whole numbers. */
export function isWithinNorm(units: ArrayLike<number>, norm = CLIP_NORM): boolean {
  let squared = 0;
  for (let i = 0; i < units.length; i++) squared += units[i]! * units[i]!;
  return squared <= (norm / CONTRIBUTION_GRID) ** 2;
}
