import { decode, encode } from "../kernel/msgpack.ts";
import type { BlobStore } from "./blob-store.ts";
import { snapshotPrefix } from "./snapshot-manifest.ts";

/** The first sequence that a unit's full snapshots may be of: those from before it hold users who were erased. */
export async function snapshotFloor(blobs: BlobStore, unit: string): Promise<number> {
  const bytes = await blobs.get(floorKey(unit));
  return bytes === undefined ? 0 : (decode(bytes) as number);
}

/** Forbids snapshots from before a sequence. One writer a unit: whoever erases. */
export async function raiseFloor(blobs: BlobStore, unit: string, sequence: number): Promise<void> {
  if ((await snapshotFloor(blobs, unit)) < sequence) await blobs.put(floorKey(unit), encode(sequence));
}

function floorKey(unit: string): string {
  return `${snapshotPrefix(unit)}floor`;
}
