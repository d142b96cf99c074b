import { randomBytes } from "node:crypto";

/** A new id of 22 characters that are safe in URLs: 128 bits of the machine's entropy, so no two ever meet. */
export function newId(): string {
  return randomBytes(16).toString("base64url");
}
