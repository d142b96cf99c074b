/** A secret of 64 bits, as two unsigned 32-bit integers, the low one first. */
export type HalfSipKey = readonly [low: number, high: number];

/**
 * HalfSipHash-1-3: a keyed checksum of 32-bit words that nobody makes who does not hold the key. Thirty-two bits keep
 * out guesses and typing errors over a network; they are no signature.
 *
 * @param words - Of each the low 32 bits count; read from a little-endian message.
 * @param count - How many of them.
 * @returns An unsigned 32-bit integer.
 * @see Aumasson & Bernstein, "SipHash: a fast short-input PRF", 2012; the form for 32 bits is Linux's hsiphash.
 */
export function halfSipHash(words: Uint32Array, count: number, [low, high]: HalfSipKey): number {
  let v0 = low | 0;
  let v1 = high | 0;
  let v2 = low ^ 0x6c796765;
  let v3 = high ^ 0x74656462;
  // The last block is the message's length in bytes; then three rounds without a block finish.
  for (let i = 0; i <= count + 3; i++) {
    const isBlock = i <= count;
    const block = i < count ? words[i]! | 0 : (count * 4) << 24;
    if (isBlock) v3 ^= block;
    else if (i === count + 1) v2 ^= 0xff;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    if (isBlock) v0 ^= block;
  }
  return (v1 ^ v3) >>> 0;
}
