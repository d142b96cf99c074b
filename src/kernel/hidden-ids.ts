import { createHmac } from "node:crypto";

/** Thirty-two bits: two of a log's lines about one id show that they are, and the id is not found without the key. */
const SHOWN_DIGITS = 8;

/** What stands in logs for an id. */
export type HideId = (id: string) => string;

/**
 * Ids as a keyed hash, such as `user#9f3a1c20`: the same for the same id on all nodes of a deployment, for logs only.
 *
 * @param kind - What the ids are of.
 */
export function hiddenIds(key: Uint8Array, kind: string): HideId {
  return (id) => `${kind}#${createHmac("sha256", key).update(id).digest("hex").slice(0, SHOWN_DIGITS)}`;
}
