import type { BlobStore } from "./blob-store.ts";
import { readJson } from "./read-json.ts";

/**
 * Stores a value as JSON under `<prefix>.<version>`, with the version after the newest one. What another writer has stored
 * meanwhile is not lost: the value is made anew on top of it.
 *
 * @param newest - The newest that is known; version 0 for none.
 * @param next - What is to come after the newest; undefined if that stays. May be called more than once.
 * @returns What is the newest then.
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable), and what `next` throws.
 */
export async function takeVersion<Value extends Readonly<{ version: number }>>(
  blobs: BlobStore,
  prefix: string,
  newest: Value,
  next: (newest: Value) => Value | undefined,
): Promise<Value> {
  for (let held = newest; ; ) {
    const version = held.version + 1;
    const after = await readJson<Value>(blobs, `${prefix}.${version}`);
    if (after !== undefined) {
      held = after;
      continue;
    }
    const value = next(held);
    if (value === undefined) return held;
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    if (await blobs.create(`${prefix}.${version}`, bytes)) return value;
  }
}
