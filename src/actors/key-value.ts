/** A key's value at one revision. Revisions grow with every write of the whole table and are never 0. */
export type KeyValueEntry = Readonly<{ key: string; value: Uint8Array; revision: number }>;

/** A change of a key; `value` is left out when the key was removed. */
export type KeyValueChange = Readonly<{ key: string; value?: Uint8Array; revision: number }>;

/**
 * A small table that every node reads and changes by compare-and-set: who is there, who holds what.
 * Keys are words of letters, digits, `-` and `_`, joined by dots. Reads see every write that was answered before.
 *
 * Every method throws EngineError `KEY_VALUE_UNAVAILABLE` (retryable) when the table can't be reached; a write that
 * threw may have happened.
 */
export interface KeyValue {
  get(key: string): Promise<KeyValueEntry | undefined>;
  /**
   * Writes if the key is still at `expected`; 0 if it must not exist.
   *
   * @returns The new revision, or undefined if another writer was faster: then nothing was written.
   */
  swap(key: string, value: Uint8Array, expected: number): Promise<number | undefined>;
  /** Removes the key if it is still at `expected`. @returns Whether it was. */
  remove(key: string, expected: number): Promise<boolean>;
  /** All present keys that start with a prefix, sorted by key. */
  entries(prefix: string): Promise<readonly KeyValueEntry[]>;
  /**
   * Calls back for every present key that starts with a prefix, then for each change, in the table's order. A watch
   * that was cut off goes on with the newest value of each key; what was removed meanwhile may go untold, so who
   * depends on removals reads {@link KeyValue.entries} now and then.
   */
  watch(prefix: string, changed: (change: KeyValueChange) => void): Promise<{ close(): Promise<void> }>;
}
