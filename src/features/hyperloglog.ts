import { rehash32 } from "../kernel/hash.ts";

/** 2^8 registers: a standard error of 1.04 / 16 = 6.5 %. */
export const REGISTERS = 256;
const INDEX_BITS = 8;
const SEED = 0x477;

/** Float64 slots that the registers take, one byte each. */
export const HLL_SLOTS = REGISTERS / 8;

/** Notes a hashed key. `slab[at .. at + 32)` holds the registers as bytes. */
export function addToHyperLogLog(slab: Float64Array, at: number, hash: number): void {
  const registers = registersOf(slab, at);
  const mixed = rehash32(hash, SEED);
  const register = mixed >>> (32 - INDEX_BITS);
  const rank = Math.min(24, Math.clz32((mixed << INDEX_BITS) | (1 << (INDEX_BITS - 1))) + 1);
  if (registers[register]! < rank) registers[register] = rank;
}

/**
 * The number of distinct keys noted, estimated; for few of them by the empty registers.
 *
 * @see Flajolet et al., "HyperLogLog", 2007; METHODS 5.7: m ln(m / V).
 */
export function estimateDistinct(slab: Float64Array, at: number): number {
  const registers = registersOf(slab, at);
  let harmonic = 0;
  let empty = 0;
  for (const rank of registers) {
    harmonic += 2 ** -rank;
    if (rank === 0) empty++;
  }
  const raw = ((0.7213 / (1 + 1.079 / REGISTERS)) * REGISTERS * REGISTERS) / harmonic;
  return raw <= 2.5 * REGISTERS && empty > 0 ? linearCount(REGISTERS, empty) : raw;
}

/** Distinct keys that leave `empty` of `registers` untouched. */
export function linearCount(registers: number, empty: number): number {
  return registers * Math.log(registers / empty);
}

function registersOf(slab: Float64Array, at: number): Uint8Array {
  return new Uint8Array(slab.buffer, slab.byteOffset + at * 8, REGISTERS);
}
