import type { BlobStore } from "./blob-store.ts";
import { readJson } from "./read-json.ts";

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
    const held = await currentVersion(blobs, prefix);
    if (held === undefined || held < next)
      await blobs.put(pointer, new TextEncoder().encode(JSON.stringify({ version: next })));
    // Between the two another writer may have named its newer version, which this has then put back.
    if ((await blobs.get(`${prefix}.${next + 1}`)) === undefined) return;
  }
}

/** The version that `<prefix>.current` names; undefined if it names none. */
export async function currentVersion(
  blobs: Pick<BlobStore, "get">,
  prefix: string,
): Promise<number | undefined> {
  return (await readJson<{ version: number }>(blobs, `${prefix}.current`))?.version;
}

/** The JSON of the version that `<prefix>.current` names; undefined if it names none, or none that is there. */
export async function readCurrent<Value>(
  blobs: Pick<BlobStore, "get">,
  prefix: string,
): Promise<Value | undefined> {
  const version = await currentVersion(blobs, prefix);
  return version === undefined ? undefined : readJson<Value>(blobs, `${prefix}.${version}`);
}
