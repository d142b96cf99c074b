/**
 * The shard that owns a user, as the engine computes it (docs/scores.md): MurmurHash3 of 32 bits over the UTF-16 code
 * units of the id, low byte first, in even ranges.
 */
export function shardOf(user: string, shards: number, seed = SEED): number {
  return Math.floor((hash32(user, seed) / 4294967296) * shards);
}

/** What the engine says in `v1.shards`; the only one so far. */
export const SEED = 0x5eed;
export const HASH_NAME = "murmur3-32-utf16le";

function hash32(text: string, seed: number): number {
  let h = seed | 0;
  const pairs = text.length & ~1;
  for (let i = 0; i < pairs; i += 2) {
    const k = scrambled(text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16));
    const mixed = h ^ k;
    h = (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
  }
  if (pairs < text.length) h ^= scrambled(text.charCodeAt(pairs));
  let f = h ^ (text.length * 2);
  f = Math.imul(f ^ (f >>> 16), 0x85ebca6b);
  f = Math.imul(f ^ (f >>> 13), 0xc2b2ae35);
  return (f ^ (f >>> 16)) >>> 0;
}

function scrambled(block: number): number {
  const k = Math.imul(block, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}
