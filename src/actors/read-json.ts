import type { BlobStore } from "./blob-store.ts";

/** What is stored as JSON under a key; undefined if nothing is. */
export async function readJson<T>(blobs: Pick<BlobStore, "get">, key: string): Promise<T | undefined> {
  const bytes = await blobs.get(key);
  return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as T);
}
