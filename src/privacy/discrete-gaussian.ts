import { assert } from "../kernel/assert.ts";
import type { RandomBits } from "./random-bits.ts";

/**
 * A source of whole numbers with probabilities proportional to exp(-x^2 / (2 sigma^2)), exactly: rational numbers
 * only, so that no low bit of a rounded logarithm tells what was added to what (Mironov 2012, Jin et al. 2022).
 *
 * @param sigma - Standard deviation, nearly; a whole number >= 1.
 * @returns The next number, at each call.
 * @see Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy", 2020, algorithms 1 to 3.
 */
export function discreteGaussian(sigma: bigint, bits: RandomBits): () => bigint {
  assert(sigma >= 1n, "sigma is a whole number of 1 or more");
  const squared = sigma * sigma;
  const scale = sigma + 1n;
  const denominator = 2n * squared * scale * scale;
  return () => {
    while (true) {
      const candidate = discreteLaplace(scale, bits);
      const magnitude = candidate < 0n ? -candidate : candidate;
      const distance = magnitude * scale - squared;
      if (happensWithExpOf(distance * distance, denominator, bits)) return candidate;
    }
  };
}

/** A whole number with a probability proportional to exp(-|x| / scale). */
function discreteLaplace(scale: bigint, bits: RandomBits): bigint {
  while (true) {
    const rest = uniformBelow(scale, bits);
    if (!happensWithExpOf(rest, scale, bits)) continue;
    let whole = 0n;
    while (happensWithExpOf(1n, 1n, bits)) whole++;
    const magnitude = rest + scale * whole;
    const isNegative = bits.bits(1) === 1n;
    if (isNegative && magnitude === 0n) continue; // Else zero would come twice as often.
    return isNegative ? -magnitude : magnitude;
  }
}

/** True with probability exp(-numerator / denominator). */
function happensWithExpOf(numerator: bigint, denominator: bigint, bits: RandomBits): boolean {
  let rest = numerator;
  for (; rest > denominator; rest -= denominator) if (!happensWithExpOfFraction(1n, 1n, bits)) return false;
  return happensWithExpOfFraction(rest, denominator, bits);
}

/** As {@link happensWithExpOf}, for a fraction of at most 1: the alternating series of the exponential, term by term. */
function happensWithExpOfFraction(numerator: bigint, denominator: bigint, bits: RandomBits): boolean {
  let isEven = true;
  for (let bound = denominator; uniformBelow(bound, bits) < numerator; bound += denominator) isEven = !isEven;
  return isEven;
}

/** A uniform number in [0, bound). */
function uniformBelow(bound: bigint, bits: RandomBits): bigint {
  if (bound === 1n) return 0n;
  const count = bitLength(bound - 1n);
  while (true) {
    const drawn = bits.bits(count);
    if (drawn < bound) return drawn;
  }
}

/** Bits of a number >= 0 without leading zeros. */
function bitLength(value: bigint): number {
  if (value <= MAX_SAFE) {
    const number = Number(value);
    const high = Math.floor(number / 2 ** 32);
    return high > 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(number >>> 0);
  }
  const digits = value.toString(16);
  return digits.length * 4 - Math.clz32(Number.parseInt(digits[0] ?? "0", 16)) + 28;
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
