/**
 * A table of the heaviest keys in slots of a slab: pairs of hash (0 = free) and decayed weight. While there are no
 * more keys than pairs it is exact; beyond that a new key takes the lightest one's place and inherits its weight.
 *
 * @see Metwally et al., "Space-Saving", 2005.
 */
export function addToHeavyHitters(
  slab: Float64Array,
  at: number,
  pairs: number,
  hash: number,
  weight: number,
): void {
  let lightest = 0;
  for (let i = 0; i < pairs; i++) {
    const slot = at + 2 * i;
    const held = slab[slot]!;
    if (held === hash || held === 0) {
      slab[slot] = hash;
      slab[slot + 1] = slab[slot + 1]! + weight;
      return;
    }
    if (slab[slot + 1]! < slab[at + 2 * lightest + 1]!) lightest = i;
  }
  slab[at + 2 * lightest] = hash;
  slab[at + 2 * lightest + 1] = slab[at + 2 * lightest + 1]! + weight;
}

/** Multiplies all weights. */
export function decayHeavyHitters(slab: Float64Array, at: number, pairs: number, left: number): void {
  for (let i = 0; i < pairs && slab[at + 2 * i]! !== 0; i++)
    slab[at + 2 * i + 1] = slab[at + 2 * i + 1]! * left;
}

/** Keys held, their total weight, the weight of the heaviest, and the entropy of the shares (natural log, over log of `pairs`). */
export type HeavyHittersSummary = {
  keys: number;
  total: number;
  heaviest: number;
  second: number;
  entropy: number;
};

/** Summarises a table into `out`, which is reused. */
export function summariseHeavyHitters(
  slab: Float64Array,
  at: number,
  pairs: number,
  out: HeavyHittersSummary,
): void {
  out.keys = 0;
  out.total = 0;
  out.heaviest = 0;
  out.second = 0;
  out.entropy = 0;
  for (let i = 0; i < pairs && slab[at + 2 * i]! !== 0; i++) {
    const weight = slab[at + 2 * i + 1]!;
    out.keys++;
    out.total += weight;
    if (weight > out.heaviest) {
      out.second = out.heaviest;
      out.heaviest = weight;
    } else if (weight > out.second) out.second = weight;
  }
  if (out.total <= 1e-12) return;
  for (let i = 0; i < out.keys; i++) {
    const share = slab[at + 2 * i + 1]! / out.total;
    if (share > 0) out.entropy -= share * Math.log(share);
  }
}
