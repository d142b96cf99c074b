/**
 * Named bytes that every node can read: published profiles, encoder artefacts, segment definitions.
 * Keys are words of letters, digits, `-` and `_`, joined by dots.
 */
export interface BlobStore {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Writes, or overwrites. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Writes unless the key is there already. @returns Whether it wrote. */
  create(key: string, bytes: Uint8Array): Promise<boolean>;
  /**
   * Removes a key, if it is there.
   *
   * @param how - `overwritten`, also if left out: its bytes are gone after that from the files of the store, too. `unreadable`:
   * nobody can read them any more, so they may lie there; much faster for large values.
   */
  remove(key: string, how?: "overwritten" | "unreadable"): Promise<void>;
  /** All keys that start with a prefix, sorted. */
  keys(prefix: string): Promise<string[]>;
}
