/**
 * A table of the heaviest keys: `size` weights from `slab[at]`, then their hashes (0 = free). Weights come first so
 * that `admit` can decay them as it does any run of sums. While there are no more keys than places the table is
 * exact; beyond that a new key takes the lightest one's place and its weight, so it is never underrated.
 *
 * @returns Whether a key had to give way.
 * @see Metwally et al., "Efficient Computation of Frequent and Top-k Elements", ICDT 2005 (Space-Saving).
 */
export function addHeavyHitter(
  slab: Float64Array,
  at: number,
  size: number,
  hash: number,
  weight: number,
): boolean {
  for (let i = 0; i < size; i++) {
    const held = slab[at + size + i]!;
    if (held !== hash && held !== 0) continue;
    slab[at + size + i] = hash;
    slab[at + i] = slab[at + i]! + weight;
    return false;
  }
  let lightest = 0;
  for (let i = 1; i < size; i++) if (slab[at + i]! < slab[at + lightest]!) lightest = i;
  slab[at + size + lightest] = hash;
  slab[at + lightest] = slab[at + lightest]! + weight;
  return true;
}

/** What a table holds. */
export type HeavyHittersSummary = {
  /** Places taken. */
  keys: number;
  /** Shares of the heaviest and the next one, 0 if there is none. */
  heaviestShare: number;
  secondShare: number;
};

/** Summarises a table into `out`, which is reused: reading allocates nothing. */
export function summariseHeavyHitters(
  slab: Float64Array,
  at: number,
  size: number,
  out: HeavyHittersSummary,
): void {
  let keys = 0;
  let total = 0;
  let heaviest = 0;
  let second = 0;
  for (; keys < size && slab[at + size + keys]! !== 0; keys++) {
    const weight = slab[at + keys]!;
    total += weight;
    if (weight > heaviest) {
      second = heaviest;
      heaviest = weight;
    } else if (weight > second) second = weight;
  }
  out.keys = keys;
  out.heaviestShare = total > 0 ? heaviest / total : 0;
  out.secondShare = total > 0 ? second / total : 0;
}
