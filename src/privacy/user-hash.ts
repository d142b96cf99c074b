import { createHmac } from "node:crypto";

/** What stands for a user where nobody may read who it was: 32 hexadecimal digits. */
export type HashUser = (user: string) => string;

/** Hexadecimal digits of a hash: 128 bits, so that no two users ever share one. */
const DIGITS = 32;

/**
 * A keyed hash of users' ids. Without the key nobody can tell by trying ids whose hash it is; with it, whoever holds users
 * finds the one that is meant.
 *
 * @param key - A lasting secret of the deployment, of 32 bytes.
 * @see RFC 2104 (HMAC), with SHA-256 cut to 128 bits.
 */
export function userHasher(key: Uint8Array): HashUser {
  return (user) => createHmac("sha256", key).update(user).digest("hex").slice(0, DIGITS);
}
