import { randomBytes } from "node:crypto";

/** So many bytes of the machine's entropy. */
export function entropyBytes(count: number): Uint8Array {
  return new Uint8Array(randomBytes(count));
}

/** A new id of 22 characters that are safe in URLs: 128 bits of the machine's entropy, so no two ever meet. */
export function newId(): string {
  return randomBytes(16).toString("base64url");
}
