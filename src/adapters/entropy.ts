import { randomBytes, randomFillSync } from "node:crypto";
import type { RandomBits } from "../privacy/random-bits.ts";

/** So many bytes of the machine's entropy. */
export function entropyBytes(count: number): Uint8Array {
  return new Uint8Array(randomBytes(count));
}

/** A new id of 22 characters that are safe in URLs: 128 bits of the machine's entropy, so no two ever meet. */
export function newId(): string {
  return randomBytes(16).toString("base64url");
}

const POOL_BYTES = 4_096;
/** Bits that one read of the pool gives at most. */
const CHUNK_BITS = 48;

/** Bits of the machine's entropy, for privacy noise; drawn in pools, since a call for each would cost more than the noise. */
export function entropyBits(): RandomBits {
  const pool = Buffer.allocUnsafe(POOL_BYTES);
  let at = POOL_BYTES;
  const chunk = (count: number): number => {
    const bytes = Math.ceil(count / 8);
    if (at + bytes > POOL_BYTES) {
      randomFillSync(pool);
      at = 0;
    }
    const value = pool.readUIntLE(at, bytes);
    pool.fill(0, at, at + bytes); // What is used once stays nowhere.
    at += bytes;
    return value % 2 ** count;
  };
  return {
    bits(count) {
      let value = 0n;
      for (let left = count; left > 0; left -= CHUNK_BITS) {
        const width = Math.min(left, CHUNK_BITS);
        value = (value << BigInt(width)) | BigInt(chunk(width));
      }
      return value;
    },
  };
}
