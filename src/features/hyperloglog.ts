import { rehash32 } from "../kernel/hash.ts";

/** 2^8 registers: a standard error of 1.04 / 16 = 6.5 %. */
export const REGISTERS = 256;
const INDEX_BITS = 8;
const RANK_MAX = 32 - INDEX_BITS + 1;
const SEED = 0x477;
/** Bias correction for 256 registers. */
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);
const POWERS = Float64Array.from({ length: RANK_MAX + 1 }, (_, rank) => 2 ** -rank);

/** Float64 slots that the registers take, one byte each. */
export const HLL_SLOTS = REGISTERS / 8;

// The bytes of one slot. Ranks end at 25, so no eight of them form a NaN, whose bits an engine may change.
const word = new Float64Array(1);
const bytes = new Uint8Array(word.buffer);

/** Notes a hashed key in the registers in `slab[at .. at + HLL_SLOTS)`. A key that was noted before changes nothing. */
export function addToHyperLogLog(slab: Float64Array, at: number, hash: number): void {
  const mixed = rehash32(hash, SEED);
  const register = mixed >>> (32 - INDEX_BITS);
  const guard = 1 << (INDEX_BITS - 1);
  const rank = Math.clz32((mixed << INDEX_BITS) | guard) + 1;
  const slot = at + (register >>> 3);
  word[0] = slab[slot]!;
  if (bytes[register & 7]! >= rank) return;
  bytes[register & 7] = rank;
  slab[slot] = word[0]!;
}

/**
 * The number of distinct keys noted, estimated; while many registers are empty, by their number.
 *
 * @see Flajolet et al., "HyperLogLog", 2007; METHODS 5.7.
 */
export function estimateDistinct(slab: Float64Array, at: number): number {
  let harmonic = 0;
  let empty = 0;
  for (let slot = at; slot < at + HLL_SLOTS; slot++) {
    word[0] = slab[slot]!;
    for (let i = 0; i < 8; i++) {
      harmonic += POWERS[bytes[i]!]!;
      if (bytes[i] === 0) empty++;
    }
  }
  const raw = (ALPHA * REGISTERS * REGISTERS) / harmonic;
  return raw <= 2.5 * REGISTERS && empty > 0 ? linearCount(REGISTERS, empty) : raw;
}

/** Distinct keys that leave `empty` of `registers` untouched: m ln(m / V). */
export function linearCount(registers: number, empty: number): number {
  return registers * Math.log(registers / empty);
}
