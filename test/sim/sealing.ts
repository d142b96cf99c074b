import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Cipher } from "../../src/actors/cipher.ts";
import type { Random } from "../../src/kernel/random.ts";

const ALGORITHM = "aes-256-gcm";
const TAG_BYTES = 16;

/** What a node seals snapshots with, but with keys of the simulation's chance, and at once: no thread pool decides who is first. */
export function sealingBy(random: Random): Cipher {
  return {
    newKey: () => new Uint8Array(32).map(() => Math.floor(random() * 256)),
    async seal(key, number, bytes) {
      const cipher = createCipheriv(ALGORITHM, key, nonceOf(number));
      return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    },
    async unseal(key, number, sealed) {
      const decipher = createDecipheriv(ALGORITHM, key, nonceOf(number));
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
    },
  };
}

function nonceOf(number: number): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(0, number);
  return nonce;
}
