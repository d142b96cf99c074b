import type { BlobStore } from "./blob-store.ts";
import { chainOf, listSnapshots, type ReportCorrupt } from "./list-snapshots.ts";
import { manifestKey, parseSnapshotKey, sealedParts, snapshotPrefix } from "./snapshot-manifest.ts";

/**
 * Removes all but the newest snapshots of a unit, and what writers that died have left. Bases that a kept delta
 * needs stay.
 *
 * @param keep - Snapshots that can be restored after that, at least 1.
 * @param report - Hears of manifests that are damaged.
 * @returns Blobs removed.
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable).
 */
export async function pruneSnapshots(
  blobs: BlobStore,
  unit: string,
  keep: number,
  report?: ReportCorrupt,
): Promise<number> {
  const held = await listSnapshots(blobs, unit, report);
  const chains = held.flatMap((manifest) => {
    const chain = chainOf(held, manifest);
    return chain === undefined ? [] : [chain];
  });
  const newest = chains[0]?.at(-1);
  if (newest === undefined) return 0;
  const kept = new Set<string>();
  for (const manifest of chains.slice(0, Math.max(1, keep)).flat()) {
    kept.add(manifestKey(unit, manifest.sequence));
    for (const { key } of manifest.parts) kept.add(key);
  }
  const manifests: string[] = [];
  const parts: string[] = [];
  for (const key of await blobs.keys(snapshotPrefix(unit))) {
    const parsed = parseSnapshotKey(unit, key);
    // What is not older may be on its way to become a snapshot.
    if (parsed === undefined || parsed.sequence >= newest.sequence || kept.has(key)) continue;
    (parsed.isManifest ? manifests : parts).push(key);
  }
  // The newest first, then the parts: one that dies here leaves no manifest without what it needs.
  for (const key of manifests.toReversed()) await blobs.remove(key);
  const sealed = sealedParts(held);
  for (const key of parts) await blobs.remove(key, sealed.has(key) ? "unreadable" : "overwritten");
  return manifests.length + parts.length;
}

/**
 * The first log entry that restoring any of a unit's snapshots needs: the log may be trimmed behind it. It is 1 if
 * there is no snapshot.
 *
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable).
 */
export async function oldestNeededSequence(blobs: BlobStore, unit: string): Promise<number> {
  const held = await listSnapshots(blobs, unit);
  const restorable = held.filter((manifest) => chainOf(held, manifest) !== undefined);
  return (restorable.at(-1)?.sequence ?? 0) + 1;
}
