import { Buffer } from "node:buffer";
import { EngineError } from "../kernel/engine-error.ts";
import { sha256Hex } from "../kernel/hash.ts";
import type { Cipher } from "./cipher.ts";
import { chainOf, listSnapshots, type ReportCorrupt } from "./list-snapshots.ts";
import {
  manifestKey,
  type SnapshotManifest,
  type SnapshotPart,
  snapshotCorrupt,
} from "./snapshot-manifest.ts";
import { splitChunks } from "./snapshot-parts.ts";
import type { SnapshotPorts } from "./write-snapshot.ts";

/** A chunk as it was written, with the snapshot that it is of. Its bytes are a view that stays valid. */
export type SnapshotChunk = Readonly<{ manifest: SnapshotManifest; bytes: Uint8Array }>;

/** How a unit takes a snapshot in. */
export type SnapshotReading = Readonly<{
  /** Whether the unit can use a snapshot, by what its manifest tells. */
  accepts(manifest: SnapshotManifest): boolean;
  /**
   * Takes in all chunks: those of the full snapshot, then those of each delta on it. If `chunks` throws, or the
   * chunks are not what they should be ({@link snapshotCorrupt}), it leaves the unit as empty as it was, and throws.
   */
  load(chain: readonly SnapshotManifest[], chunks: AsyncIterable<SnapshotChunk>): Promise<void>;
  /** Hears of each snapshot that can't be used. */
  report: ReportCorrupt;
}>;

/** Parts fetched ahead of the one being taken in. */
const PARTS_AHEAD = 4;

/**
 * Restores the newest snapshot of a unit that is whole, with all that it builds on; a damaged one is reported and
 * the next older one is taken.
 *
 * @returns The manifest of what was restored; undefined if there is nothing to restore.
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable) if only that may have kept it from a snapshot.
 */
export async function readSnapshot(
  ports: SnapshotPorts,
  unit: string,
  { accepts, load, report }: SnapshotReading,
): Promise<SnapshotManifest | undefined> {
  const held = await listSnapshots(ports.blobs, unit, report);
  const damaged = new Set<number>();
  let unavailable: EngineError | undefined;
  for (const newest of held) {
    if (!accepts(newest)) continue;
    const chain = chainOf(held, newest);
    if (chain === undefined) {
      const key = manifestKey(unit, newest.sequence);
      report(snapshotCorrupt(key, "it adds to a snapshot that is missing"));
      continue;
    }
    // Told already: the snapshots that build on it need not find out again.
    if (chain.some(({ sequence }) => damaged.has(sequence))) continue;
    try {
      await load(
        chain,
        chunksOf(ports, chain, (sequence) => damaged.add(sequence)),
      );
      return newest;
    } catch (thrown) {
      if (!(thrown instanceof EngineError)) throw thrown;
      if (thrown.code === "SNAPSHOT_CORRUPT") report(thrown);
      else if (thrown.code === "BLOBS_UNAVAILABLE") unavailable = thrown;
      else throw thrown;
    }
  }
  if (unavailable !== undefined) throw unavailable;
  return undefined;
}

async function* chunksOf(
  ports: SnapshotPorts,
  chain: readonly SnapshotManifest[],
  isDamaged: (sequence: number) => void,
): AsyncGenerator<SnapshotChunk> {
  const parts = chain.flatMap((manifest) => manifest.parts.map((part) => ({ manifest, part })));
  const ahead: Promise<Uint8Array[]>[] = [];
  let next = 0;
  try {
    for (const { manifest } of parts) {
      while (next < parts.length && ahead.length < PARTS_AHEAD) {
        const { manifest: of, part } = parts[next++]!;
        const fetched = fetchPart(ports, of, part);
        fetched.catch((thrown) => {
          if (thrown instanceof EngineError && thrown.code === "SNAPSHOT_CORRUPT") isDamaged(of.sequence);
        });
        ahead.push(fetched);
      }
      for (const bytes of (await ahead.shift()) ?? []) yield { manifest, bytes };
    }
  } finally {
    await Promise.allSettled(ahead);
  }
}

async function fetchPart(
  { blobs, cipher, compressor }: SnapshotPorts,
  manifest: SnapshotManifest,
  part: SnapshotPart,
): Promise<Uint8Array[]> {
  const { key, sha256 } = part;
  const stored = await blobs.get(key).catch((thrown) => {
    if (thrown instanceof EngineError && thrown.code === "BLOB_CORRUPT")
      throw snapshotCorrupt(key, thrown.message, thrown);
    throw thrown;
  });
  if (stored === undefined) throw snapshotCorrupt(key, "the part is missing");
  if (sha256Hex(stored) !== sha256) throw snapshotCorrupt(key, "the part does not have its checksum");
  if (manifest.compression !== compressor.name) {
    const reason = `it is compressed as ${manifest.compression}, this build reads ${compressor.name}`;
    throw snapshotCorrupt(key, reason);
  }
  const compressed = manifest.key === undefined ? stored : await unsealed(cipher, manifest, part, stored);
  const raw = await compressor.decompress(compressed).catch((cause) => {
    throw snapshotCorrupt(key, "the part can't be decompressed", cause);
  });
  const chunks = splitChunks(raw);
  if (chunks === undefined) throw snapshotCorrupt(key, "the part ends in the middle of a chunk");
  return chunks;
}

/** A part that was sealed with the key in its manifest. Its number is its place among the parts. */
async function unsealed(
  cipher: Cipher | undefined,
  { key = "", parts }: SnapshotManifest,
  part: SnapshotPart,
  stored: Uint8Array,
): Promise<Uint8Array> {
  if (cipher === undefined)
    throw snapshotCorrupt(part.key, "it is sealed, and there is nothing to unseal it with");
  return cipher
    .unseal(Uint8Array.from(Buffer.from(key, "hex")), parts.indexOf(part), stored)
    .catch((cause) => {
      throw snapshotCorrupt(part.key, "the part can't be unsealed", cause);
    });
}
