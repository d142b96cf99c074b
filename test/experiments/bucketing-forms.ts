import { createHash } from "node:crypto";

/** Other products' ways to a unit's number, by which METHODS 4.1 compares ours. */
export const BUCKETING_FORMS = {
  posthog: (seed: string, unit: string): number =>
    Number.parseInt(createHash("sha1").update(`${seed}.${unit}`).digest("hex").slice(0, 15), 16) / 2 ** 60,
  statsig: (seed: string, unit: string): number =>
    Number(createHash("sha256").update(`${seed}.${unit}`).digest().readBigUInt64BE(0) % 10_000n) / 10_000,
  unleash: (seed: string, unit: string): number => (murmur3(`${seed}:${unit}`) % 100) / 100,
};

/** MurmurHash3 (x86, 32 bits) over UTF-8, seed 0. */
export function murmur3(text: string): number {
  const bytes = Buffer.from(text);
  const blocks = bytes.length >>> 2;
  let h = 0;
  for (let i = 0; i < blocks; i++) {
    h = Math.imul(rotated(h ^ scrambled(bytes.readInt32LE(i * 4)), 13), 5) + 0xe6546b64;
  }
  let tail = 0;
  for (let i = bytes.length - 1; i >= blocks * 4; i--) tail = (tail << 8) | bytes[i]!;
  h ^= scrambled(tail) ^ bytes.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function scrambled(block: number): number {
  return Math.imul(rotated(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
