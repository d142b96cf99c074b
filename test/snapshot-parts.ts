import { decodeManifest, type SnapshotManifest } from "../src/actors/snapshot-manifest.ts";
import type { SnapshotPorts } from "../src/actors/write-snapshot.ts";

/** A part of a snapshot as somebody reads it who has all blobs: unsealed with its manifest's key, and decompressed. */
export type ReadablePart = Readonly<{ key: string; manifest: SnapshotManifest; bytes: Uint8Array }>;

/** Ends the key of a manifest, and of nothing else. */
const MANIFEST = ".manifest";

/**
 * All parts of snapshots, of every unit, that can be read: those that a manifest names. Of parts that are sealed, and whose
 * manifest is gone, nobody has the key. What is removed while it is read is no part any more.
 */
export async function readableParts({
  blobs,
  cipher,
  compressor,
}: Pick<SnapshotPorts, "blobs" | "cipher" | "compressor">): Promise<readonly ReadablePart[]> {
  const found: ReadablePart[] = [];
  for (const named of await blobs.keys("snapshots.")) {
    if (!named.endsWith(MANIFEST)) continue;
    const stored = await blobs.get(named);
    if (stored === undefined) continue;
    const manifest = decodeManifest(named, stored);
    for (const [number, { key }] of manifest.parts.entries()) {
      const part = await blobs.get(key);
      if (part === undefined) continue;
      const compressed =
        manifest.key === undefined
          ? part
          : await cipher?.unseal(Uint8Array.from(Buffer.from(manifest.key, "hex")), number, part);
      if (compressed === undefined)
        throw new Error(`${key} is sealed, and there is nothing to unseal it with`);
      found.push({ key, manifest, bytes: await compressor.decompress(compressed) });
    }
  }
  return found;
}

/** The words that parts have, each with the part where it was found first. */
export function wordsInParts(parts: readonly ReadablePart[], words: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const { key, bytes } of parts) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const word of words) if (!found.has(word) && text.includes(word)) found.set(word, key);
  }
  return found;
}
