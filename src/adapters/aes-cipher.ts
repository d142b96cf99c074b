import { webcrypto } from "node:crypto";
import type { Cipher } from "../actors/cipher.ts";
import { entropyBytes } from "./entropy.ts";

const NAME = "AES-GCM";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;

/** AES-256 in Galois/Counter mode, off the calling thread. A key seals few parts, so that their numbers are nonces enough. */
export const aesCipher: Cipher = {
  newKey: () => entropyBytes(KEY_BYTES),
  async seal(key, number, bytes) {
    const sealed = await webcrypto.subtle.encrypt(
      nonceOf(number),
      await imported(key),
      bytes as Uint8Array<ArrayBuffer>,
    );
    return new Uint8Array(sealed);
  },
  async unseal(key, number, sealed) {
    const bytes = await webcrypto.subtle.decrypt(
      nonceOf(number),
      await imported(key),
      sealed as Uint8Array<ArrayBuffer>,
    );
    return new Uint8Array(bytes);
  },
};

function nonceOf(number: number): { name: string; iv: Uint8Array<ArrayBuffer> } {
  const iv = new Uint8Array(NONCE_BYTES);
  new DataView(iv.buffer).setUint32(0, number);
  return { name: NAME, iv };
}

function imported(key: Uint8Array): ReturnType<typeof webcrypto.subtle.importKey> {
  return webcrypto.subtle.importKey("raw", key as Uint8Array<ArrayBuffer>, NAME, false, [
    "encrypt",
    "decrypt",
  ]);
}
