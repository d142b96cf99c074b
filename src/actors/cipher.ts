/** Makes bytes unreadable for whoever has not the key: with it go the bytes, wherever they still lie. */
export interface Cipher {
  /** A new key, of the machine's entropy. */
  newKey(): Uint8Array;
  /** @param number - From 0; never the same twice with one key. */
  seal(key: Uint8Array, number: number, bytes: Uint8Array): Promise<Uint8Array>;
  /** Rejects for what {@link Cipher.seal} has not made with that key and number. */
  unseal(key: Uint8Array, number: number, sealed: Uint8Array): Promise<Uint8Array>;
}
