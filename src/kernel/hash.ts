import { createHash } from "node:crypto";

/**
 * MurmurHash3 (x86, 32 bits) over the UTF-16 code units of a text, low byte first, so no bytes are allocated.
 * For text in ASCII with `seed` it differs from the UTF-8 form: use it only inside the engine.
 *
 * @returns An unsigned 32-bit integer.
 */
export function hash32(text: string, seed = 0): number {
  let h = seed | 0;
  const pairs = text.length & ~1;
  for (let i = 0; i < pairs; i += 2) {
    h = mixBlock(h, text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16));
  }
  if (pairs < text.length) {
    let k = Math.imul(text.charCodeAt(pairs), 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
  }
  return finish(h ^ (text.length * 2));
}

/** Mixes an unsigned 32-bit integer with a seed into an independent unsigned 32-bit integer. */
export function rehash32(value: number, seed: number): number {
  return finish(mixBlock(seed | 0, value | 0) ^ 4);
}

function mixBlock(h: number, block: number): number {
  let k = Math.imul(block, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const mixed = h ^ Math.imul(k, 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(h: number): number {
  let f = h;
  f = Math.imul(f ^ (f >>> 16), 0x85ebca6b);
  f = Math.imul(f ^ (f >>> 13), 0xc2b2ae35);
  return (f ^ (f >>> 16)) >>> 0;
}

/** SHA-256 of bytes, as lower-case hexadecimal digits. */
export function sha256Hex(...parts: readonly (Uint8Array | string)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** What users' ids are hashed with. */
export const SHARD_SEED = 0x5eed;

/** The shard that owns a user: a fixed function of the id and the number of shards, which never changes. */
export function shardOf(user: string, shards: number): number {
  // 2^-32 times the hash, times the number: even ranges of the hash space, as DESIGN's "hash range of users".
  return Math.floor((hash32(user, SHARD_SEED) / 4294967296) * shards);
}
