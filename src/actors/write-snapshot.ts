import { Buffer } from "node:buffer";
import { EngineError } from "../kernel/engine-error.ts";
import { sha256Hex } from "../kernel/hash.ts";
import type { BlobStore } from "./blob-store.ts";
import type { Cipher } from "./cipher.ts";
import type { Compressor } from "./compressor.ts";
import { snapshotFloor } from "./snapshot-floor.ts";
import {
  decodeManifest,
  encodeManifest,
  isClearOf,
  manifestKey,
  partKey,
  type SnapshotManifest,
  type SnapshotPart,
  snapshotOutdated,
} from "./snapshot-manifest.ts";
import { joinChunks } from "./snapshot-parts.ts";

/** What writing and reading snapshots need of the world. */
export type SnapshotPorts = Readonly<{
  blobs: BlobStore;
  compressor: Compressor;
  /** Seals the parts of each snapshot with a key of its own; left out: they lie open, and are overwritten when they go. */
  cipher?: Cipher;
  /** Lets other work of the thread have its turn. */
  pause(): Promise<void>;
}>;

/** A unit's state at one log position, or what changed of it since another snapshot. */
export type SnapshotContent = Pick<
  SnapshotManifest,
  "unit" | "kind" | "sequence" | "base" | "waitsFrom" | "loggedAtMs" | "facts"
> &
  Readonly<{
    /**
     * Bytes of the unit's own making, handed back one by one and in order by reading. Well under a megabyte each,
     * since the thread is held from one to the next.
     */
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  }>;

/** Large enough that a request a part costs little, small enough that a few in memory do too. */
const PART_BYTES = 4 * 1024 * 1024;
/** Parts compressed and stored at once, while the next is read. */
const PARTS_UNDER_WAY = 2;

/**
 * Writes a snapshot: its parts, then its manifest. Of two writers at one sequence the first counts, since both
 * wrote the same state; a writer that dies leaves parts that pruning removes.
 *
 * @returns The manifest in force at that sequence.
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable); `SNAPSHOT_OUTDATED` (retryable) if users were erased meanwhile.
 */
export async function writeSnapshot(
  ports: SnapshotPorts,
  content: SnapshotContent,
): Promise<SnapshotManifest> {
  const parts: Promise<SnapshotPart>[] = [];
  const key = ports.cipher?.newKey();
  let rawBytes = 0;
  let chunks: Uint8Array[] = [];
  let chunksBytes = 0;
  const endPart = async (): Promise<void> => {
    const part = joinChunks(chunks);
    rawBytes += part.length;
    chunks = [];
    chunksBytes = 0;
    const stored = storePart(ports, content, parts.length, { raw: part, key });
    stored.catch(() => {}); // Awaited below, where it ends the writing.
    parts.push(stored);
    await parts.at(-PARTS_UNDER_WAY);
  };
  try {
    for await (const chunk of content.chunks) {
      chunks.push(chunk);
      chunksBytes += chunk.length;
      if (chunksBytes >= PART_BYTES) await endPart();
      await ports.pause();
    }
    if (chunks.length > 0) await endPart();
  } finally {
    await Promise.allSettled(parts); // Nothing goes on behind the caller's back.
  }
  const stored = await Promise.all(parts);
  const { chunks: _, ...described } = content;
  const manifest = await writeManifest(ports, {
    format: 1,
    ...described,
    compression: ports.compressor.name,
    ...(key === undefined ? {} : { key: Buffer.from(key).toString("hex") }),
    rawBytes,
    bytes: stored.reduce((sum, part) => sum + part.bytes, 0),
    parts: stored,
  });
  await refuseIfErased(ports.blobs, manifest);
  return manifest;
}

/**
 * Takes back a snapshot that was begun before users were erased. It looks after the manifest is there: either whoever
 * removes older snapshots sees this one too, or it is told here.
 *
 * @throws EngineError `SNAPSHOT_OUTDATED` (retryable): the next one is written of the present.
 */
async function refuseIfErased(blobs: BlobStore, manifest: SnapshotManifest): Promise<void> {
  const { unit, sequence, base, waitsFrom, key: sealedWith, parts } = manifest;
  const clearOf = await snapshotFloor(blobs, unit);
  if (isClearOf({ sequence: base ?? sequence, ...(waitsFrom === undefined ? {} : { waitsFrom }) }, clearOf))
    return;
  const key = manifestKey(unit, sequence);
  const stored = await blobs.get(key);
  // Whoever renews the unit's snapshots may have put another one in its place.
  const isOwn = stored !== undefined && Buffer.compare(stored, encodeManifest(manifest)) === 0;
  if (isOwn) await blobs.remove(key);
  for (const part of parts)
    await blobs.remove(part.key, sealedWith === undefined ? "overwritten" : "unreadable");
  throw snapshotOutdated(unit, sequence);
}

async function storePart(
  ports: SnapshotPorts,
  { unit, sequence }: SnapshotContent,
  index: number,
  given: Readonly<{ raw: Uint8Array; key: Uint8Array | undefined }>,
): Promise<SnapshotPart> {
  const { blobs, cipher, compressor } = ports;
  const compressed = await compressor.compress(given.raw);
  const isSealed = cipher !== undefined && given.key !== undefined;
  const bytes = isSealed ? await cipher.seal(given.key, index, compressed) : compressed;
  const sha256 = sha256Hex(bytes);
  const key = partKey(unit, sequence, index, sha256);
  await blobs.put(key, bytes);
  return { key, sha256, bytes: bytes.length };
}

async function writeManifest(
  { blobs }: SnapshotPorts,
  manifest: SnapshotManifest,
): Promise<SnapshotManifest> {
  const key = manifestKey(manifest.unit, manifest.sequence);
  const bytes = encodeManifest(manifest);
  if (await blobs.create(key, bytes)) return manifest;
  try {
    const held = await blobs.get(key);
    if (held !== undefined) return decodeManifest(key, held);
  } catch (thrown) {
    if (!(thrown instanceof EngineError && DAMAGED.includes(thrown.code))) throw thrown;
  }
  await blobs.put(key, bytes); // What was there is damaged.
  return manifest;
}

const DAMAGED: readonly string[] = ["SNAPSHOT_CORRUPT", "BLOB_CORRUPT"];
