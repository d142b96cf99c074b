import { rehash32 } from "../kernel/hash.ts";

const INDEX_SEED = 0x1d;
const SIGN_SEED = 0x51;
/** Below this length a vector is what opposite signs left of each other: it fades to zero instead of being scaled up. */
const SHORTEST = 1e-6;

/**
 * Adds a hashed word to a run of `buckets` slots: its place and its sign come from independent hashes, so that the
 * inner product of two hashed vectors is that of the original ones on average.
 *
 * @see Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
 */
export function addSigned(
  slab: Float64Array,
  at: number,
  buckets: number,
  hash: number,
  weight: number,
): void {
  const slot = at + (rehash32(hash, INDEX_SEED) % buckets);
  slab[slot] = slab[slot]! + ((rehash32(hash, SIGN_SEED) & 1) === 0 ? weight : -weight);
}

/** Writes a run of slots, scaled to length one (zero stays zero), to `out[outAt ..]`. */
export function readUnit(
  slab: Float64Array,
  at: number,
  buckets: number,
  out: Float32Array,
  outAt: number,
): void {
  let squares = 0;
  for (let i = 0; i < buckets; i++) squares += slab[at + i]! * slab[at + i]!;
  const scale = 1 / Math.max(SHORTEST, Math.sqrt(squares));
  for (let i = 0; i < buckets; i++) out[outAt + i] = slab[at + i]! * scale;
}
