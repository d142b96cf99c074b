import type { BlobStore } from "./blob-store.ts";

/**
 * Lets `<prefix>.current` name a version, as JSON `{version}`, unless it names a newer one. Two writers at the same
 * moment do not put it back, provided that versions follow one another without a gap, that each is stored under
 * `<prefix>.<version>` before it is named here, and that none of them dies in the middle.
 *
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable).
 */
export async function raisePointer(blobs: BlobStore, prefix: string, version: number): Promise<void> {
  const pointer = `${prefix}.current`;
  for (let next = version; ; next++) {
    const held = await blobs.get(pointer);
    if (held === undefined || versionIn(held) < next)
      await blobs.put(pointer, new TextEncoder().encode(JSON.stringify({ version: next })));
    // Between the two another writer may have named its newer version, which this has then put back.
    if ((await blobs.get(`${prefix}.${next + 1}`)) === undefined) return;
  }
}

function versionIn(pointer: Uint8Array): number {
  return (JSON.parse(new TextDecoder().decode(pointer)) as { version: number }).version;
}
