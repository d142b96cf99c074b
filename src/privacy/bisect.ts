const STEPS = 200;

/**
 * Where a function that never rises passes a value, between two bounds that enclose it.
 *
 * @returns The upper end of what is left when doubles end: the function is at most `value` there.
 */
export function bisectFalling(
  fall: (at: number) => number,
  value: number,
  bounds: Readonly<{ low: number; high: number }>,
): number {
  let { low, high } = bounds;
  while (fall(high) > value) high *= 2;
  for (let step = 0; step < STEPS; step++) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    if (fall(middle) > value) low = middle;
    else high = middle;
  }
  return high;
}
