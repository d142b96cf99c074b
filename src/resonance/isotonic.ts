/**
 * The non-falling sequence nearest to `values` in weighted least squares (pool adjacent violators).
 *
 * @param weights - Positive, same length.
 * @see Ayer et al. 1955; METHODS 2.5, PAV.
 */
export function isotonic(values: readonly number[], weights: readonly number[]): number[] {
  const blocks: { mean: number; weight: number; length: number }[] = [];
  for (const [index, value] of values.entries()) {
    let block = { mean: value, weight: weights[index] ?? 1, length: 1 };
    for (let last = blocks.at(-1); last !== undefined && last.mean > block.mean; last = blocks.at(-1)) {
      blocks.pop();
      const weight = last.weight + block.weight;
      const mean = (last.mean * last.weight + block.mean * block.weight) / weight;
      block = { mean, weight, length: last.length + block.length };
    }
    blocks.push(block);
  }
  return blocks.flatMap((block) => Array.from({ length: block.length }, () => block.mean));
}
