import type { BlobStore } from "./blob-store.ts";
import { chainOf, listSnapshots } from "./list-snapshots.ts";
import { raiseFloor } from "./snapshot-floor.ts";
import {
  isClearOf,
  manifestKey,
  parseSnapshotKey,
  type SnapshotManifest,
  sealedParts,
  snapshotOutdated,
  snapshotPrefix,
} from "./snapshot-manifest.ts";

export type SnapshotRenewal = Readonly<{
  /** The first sequence of which a full snapshot holds nobody who was erased. */
  since: number;
  /** Writes a full snapshot of the unit as it is, at that sequence or beyond. @returns Undefined if there is one already. */
  writeFull(): Promise<SnapshotManifest | undefined>;
}>;

/**
 * Replaces all snapshots of a unit that were taken before an erasure, or with outputs from before it that waited to be published:
 * they, and those that build on them, are removed once there is a full one that was taken after it. What a slow writer still adds
 * of the time before, it removes itself. May be cut off anywhere, and called again.
 *
 * @returns Blobs removed.
 * @throws EngineError `BLOBS_UNAVAILABLE`, `SNAPSHOT_OUTDATED` (retryable); what `writeFull` throws.
 */
export async function renewSnapshots(
  blobs: BlobStore,
  unit: string,
  { since, writeFull }: SnapshotRenewal,
): Promise<number> {
  await raiseFloor(blobs, unit, since);
  if ((await sorted(blobs, unit, since)).clean.length === 0) await writeFull();
  const { clean, unclean } = await sorted(blobs, unit, since);
  if (clean.length === 0) {
    const isThere = unclean.find(({ sequence }) => sequence >= since);
    // A former owner's is further on than what is committed here: it is replaced once that has been caught up with.
    if (isThere !== undefined) throw snapshotOutdated(unit, isThere.sequence);
    return 0; // Nothing is committed yet: then there is none from before either.
  }
  const kept = new Set(clean.flatMap(({ parts }) => parts.map(({ key }) => key)));
  const manifests = unclean.map(({ sequence }) => manifestKey(unit, sequence));
  const parts: string[] = [];
  for (const key of await blobs.keys(snapshotPrefix(unit))) {
    const parsed = parseSnapshotKey(unit, key);
    // What is not older may be on its way to become a snapshot.
    if (parsed === undefined || parsed.sequence >= since || kept.has(key)) continue;
    if (!parsed.isManifest) parts.push(key);
    else if (!manifests.includes(key)) manifests.push(key); // A damaged one.
  }
  // The newest first, then the parts: one that dies here leaves no manifest without what it needs.
  for (const key of manifests.sort().toReversed()) await blobs.remove(key);
  const sealed = sealedParts(unclean);
  for (const key of parts) await blobs.remove(key, sealed.has(key) ? "unreadable" : "overwritten");
  return manifests.length + parts.length;
}

/** A unit's snapshots: clean ones hold nobody who was erased before a sequence, since all that they are made of was taken later. */
async function sorted(
  blobs: BlobStore,
  unit: string,
  since: number,
): Promise<Readonly<Record<"clean" | "unclean", readonly SnapshotManifest[]>>> {
  const held = await listSnapshots(blobs, unit);
  const isClean = (manifest: SnapshotManifest): boolean =>
    chainOf(held, manifest)?.every((link) => isClearOf(link, since)) === true;
  return { clean: held.filter(isClean), unclean: held.filter((manifest) => !isClean(manifest)) };
}
