import { EngineError } from "../kernel/engine-error.ts";
import type { BlobStore } from "./blob-store.ts";
import {
  decodeManifest,
  parseSnapshotKey,
  type SnapshotManifest,
  snapshotCorrupt,
  snapshotPrefix,
} from "./snapshot-manifest.ts";

/** Hears of a snapshot that can't be used: an EngineError `SNAPSHOT_CORRUPT`, whose detail has the `key`. */
export type ReportCorrupt = (error: EngineError) => void;

/**
 * The snapshots of a unit whose manifests are whole, newest first. Their parts are not looked at.
 *
 * @param report - Hears of every manifest that is damaged.
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable).
 */
export async function listSnapshots(
  blobs: BlobStore,
  unit: string,
  report: ReportCorrupt = () => {},
): Promise<readonly SnapshotManifest[]> {
  const keys = await blobs.keys(snapshotPrefix(unit));
  const found: SnapshotManifest[] = [];
  for (const key of keys.filter((held) => parseSnapshotKey(unit, held)?.isManifest === true).toReversed()) {
    const manifest = await readManifest(blobs, key, report);
    if (manifest !== undefined) found.push(manifest);
  }
  return found;
}

/**
 * The snapshots that must be read for one, from the full one up to itself.
 *
 * @param held - As {@link listSnapshots} lists them.
 * @returns Undefined if a base is missing.
 */
export function chainOf(
  held: readonly SnapshotManifest[],
  newest: SnapshotManifest,
): readonly SnapshotManifest[] | undefined {
  const chain = [newest];
  for (let link = newest; link.kind === "delta"; ) {
    const base = held.find(({ sequence }) => sequence === link.base && sequence < link.sequence);
    if (base === undefined) return undefined;
    chain.unshift(base);
    link = base;
  }
  return chain;
}

async function readManifest(
  blobs: BlobStore,
  key: string,
  report: ReportCorrupt,
): Promise<SnapshotManifest | undefined> {
  try {
    const bytes = await blobs.get(key);
    return bytes === undefined ? undefined : decodeManifest(key, bytes); // Undefined: pruned a moment ago.
  } catch (thrown) {
    if (!(thrown instanceof EngineError)) throw thrown;
    if (thrown.code === "BLOB_CORRUPT") report(snapshotCorrupt(key, thrown.message, thrown));
    else if (thrown.code === "SNAPSHOT_CORRUPT") report(thrown);
    else throw thrown;
    return undefined;
  }
}
