import fc from "fast-check";
import { expect, test } from "vitest";
import type { BlobStore } from "../../src/actors/blob-store.ts";
import { listSnapshots } from "../../src/actors/list-snapshots.ts";
import { oldestNeededSequence, pruneSnapshots } from "../../src/actors/prune-snapshots.ts";
import { readSnapshot } from "../../src/actors/read-snapshot.ts";
import { encodeManifest, manifestKey, type SnapshotManifest } from "../../src/actors/snapshot-manifest.ts";
import { type SnapshotPorts, writeSnapshot } from "../../src/actors/write-snapshot.ts";
import { aesCipher } from "../../src/adapters/aes-cipher.ts";
import { identityCompressor } from "../../src/adapters/identity-compressor.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { zstdCompressor } from "../../src/adapters/zstd-compressor.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { seededRandom } from "../../src/kernel/random.ts";

const UNIT = "unit-1";

test("what was written is read chunk by chunk, of any size, compressed or not", async () => {
  const sizes = fc.array(fc.oneof(fc.nat(300), fc.nat(3_000_000)), { maxLength: 8 });
  const compressor = fc.constantFrom(identityCompressor, zstdCompressor);
  await fc.assert(
    fc.asyncProperty(sizes, compressor, async (lengths, chosen) => {
      const given = portsOf({ compressor: chosen });
      const chunks = lengths.map((length, i) => randomBytes(length, i));
      const written = await writeFull(given, 7, chunks);
      const read = await restore(given);
      expect(read.manifest).toEqual(written);
      expect(read.chunks.length).toBe(chunks.length);
      expect(
        chunks.every((chunk, i) => Buffer.compare(chunk, read.chunks[i] ?? new Uint8Array(1)) === 0),
      ).toBe(true);
    }),
    { numRuns: 15 },
  );
});

test("parts are sealed with a key of their snapshot, and nobody reads them without its manifest", async () => {
  const ports = portsOf({ compressor: zstdCompressor, cipher: aesCipher });
  const word = text("ada lovelace was here");
  const [first, second] = [
    await writeFull(ports, 1, [word, randomBytes(5_000_000, 1)]),
    await writeFull(ports, 2, [word]),
  ];
  expect(first.key).toMatch(/^[0-9a-f]{64}$/);
  expect(second.key).not.toBe(first.key);
  for (const { key } of [...first.parts, ...second.parts]) {
    const stored = Buffer.from((await ports.blobs.get(key)) ?? []);
    expect(stored.includes("ada lovelace")).toBe(false);
    await expect(zstdCompressor.decompress(stored)).rejects.toThrow();
  }
  expect((await restoredTexts(ports))[0]).toBe("ada lovelace was here");
  const older = await restore(ports, { accepts: ({ sequence }) => sequence < 2 });
  expect(older.chunks).toHaveLength(2);
  // With another key, or without a cipher, it is as good as damaged.
  const forged = { ...second, key: first.key ?? "" };
  await ports.blobs.put(manifestKey(UNIT, 2), encodeManifest(forged));
  expect((await restore(ports)).reported).toEqual([["SNAPSHOT_CORRUPT", second.parts[0]?.key]]);
  expect(
    (await restore(portsOf({ blobs: ports.blobs, compressor: zstdCompressor }))).manifest,
  ).toBeUndefined();
});

test("what was sealed need not be overwritten when it goes, but its manifest, which has the key", async () => {
  const ports = portsOf({ cipher: aesCipher });
  const removed: (readonly [key: string, how: string | undefined])[] = [];
  const { blobs } = ports;
  const watched = {
    ...blobs,
    remove: (key: string, how?: "overwritten" | "unreadable") => {
      removed.push([key, how]);
      return blobs.remove(key, how);
    },
  };
  const open = await writeFull(portsOf({ blobs }), 1, [text("open")]);
  const sealed = await writeFull(ports, 2, [text("sealed")]);
  await writeFull(ports, 3, [text("newest")]);
  await pruneSnapshots(watched, UNIT, 1);
  expect(removed).toEqual([
    [manifestKey(UNIT, 2), undefined],
    [manifestKey(UNIT, 1), undefined],
    [open.parts[0]?.key, "overwritten"],
    [sealed.parts[0]?.key, "unreadable"],
  ]);
});

test("a delta is read behind all that it builds on", async () => {
  const ports = portsOf();
  await writeFull(ports, 1, [text("full")]);
  await writeDelta(ports, 5, 1, [text("first")]);
  await writeDelta(ports, 9, 5, [text("second"), text("third")]);
  expect(await restoredTexts(ports)).toEqual(["full", "first", "second", "third"]);
});

test("the newest that the unit accepts is read", async () => {
  const ports = portsOf();
  await writeFull(ports, 1, [text("old")]);
  await writeFull(ports, 2, [text("new")]);
  expect(await restoredTexts(ports, { accepts: ({ sequence }) => sequence < 2 })).toEqual(["old"]);
  expect((await restore(ports, { accepts: () => false })).manifest).toBeUndefined();
});

const damages: readonly [string, (bytes: Uint8Array) => Uint8Array | undefined][] = [
  ["changed in one bit", (bytes) => bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 1 : byte))],
  ["cut short", (bytes) => bytes.subarray(0, bytes.length - 1)],
  ["emptied", () => new Uint8Array()],
  ["removed", () => undefined],
];

test.for(damages)("a part that is %s is reported, and the next older snapshot taken", async ([, damage]) => {
  const ports = portsOf();
  await writeFull(ports, 1, [text("old")]);
  const { parts } = await writeFull(ports, 2, [text("new"), randomBytes(5_000_000, 1), text("more")]);
  const key = parts.at(-1)?.key ?? "";
  await damageBlob(ports.blobs, key, damage);
  const read = await restore(ports);
  expect(texts(read.chunks)).toEqual(["old"]);
  expect(read.manifest?.sequence).toBe(1);
  expect(read.reported).toEqual([["SNAPSHOT_CORRUPT", key]]);
});

test.for(damages.slice(0, 3))(
  "a manifest that is %s is reported, and the next older snapshot taken",
  async ([, damage]) => {
    const ports = portsOf();
    await writeFull(ports, 1, [text("old")]);
    await writeFull(ports, 2, [text("new")]);
    const key = manifestKey(UNIT, 2);
    await damageBlob(ports.blobs, key, damage);
    const read = await restore(ports);
    expect(texts(read.chunks)).toEqual(["old"]);
    expect(read.reported).toEqual([["SNAPSHOT_CORRUPT", key]]);
  },
);

test("what a store finds damaged itself is reported too", async () => {
  const ports = portsOf();
  await writeFull(ports, 1, [text("old")]);
  const { parts } = await writeFull(ports, 2, [text("new")]);
  const key = parts[0]?.key ?? "";
  const failing = failingOn(ports, key, "BLOB_CORRUPT");
  const read = await restore(failing);
  expect([texts(read.chunks), read.reported]).toEqual([["old"], [["SNAPSHOT_CORRUPT", key]]]);
});

test("a damaged base takes all deltas on it along, and is told once", async () => {
  const ports = portsOf();
  await writeFull(ports, 1, [text("oldest")]);
  const base = await writeFull(ports, 2, [text("full")]);
  await writeDelta(ports, 3, 2, [text("a")]);
  await writeDelta(ports, 4, 3, [text("b")]);
  await damageBlob(ports.blobs, base.parts[0]?.key ?? "", () => undefined);
  const read = await restore(ports);
  expect(texts(read.chunks)).toEqual(["oldest"]);
  expect(read.reported).toHaveLength(1);
});

test("a delta whose base is gone is reported and passed over", async () => {
  const ports = portsOf();
  await writeFull(ports, 1, [text("full")]);
  await writeDelta(ports, 4, 3, [text("lost")]);
  const read = await restore(ports);
  expect(texts(read.chunks)).toEqual(["full"]);
  expect(read.reported).toEqual([["SNAPSHOT_CORRUPT", manifestKey(UNIT, 4)]]);
});

test("a store out of reach is no sign that there is no snapshot", async () => {
  const ports = portsOf();
  const { parts } = await writeFull(ports, 1, [text("only")]);
  const failing = failingOn(ports, parts[0]?.key ?? "", "BLOBS_UNAVAILABLE");
  await expect(restore(failing)).rejects.toMatchObject({ code: "BLOBS_UNAVAILABLE" });
  await writeFull(ports, 0, [text("older")]);
  expect(await restoredTexts(failing)).toEqual(["older"]);
});

test("a writer that dies leaves no manifest, and its parts go with the next pruning", async () => {
  const ports = portsOf();
  await writeFull(ports, 1, [text("whole")]);
  const failure = new Error("the process dies here");
  function* dying(): Generator<Uint8Array> {
    yield randomBytes(5_000_000, 1);
    yield text("next part");
    throw failure;
  }
  await expect(writeFull(ports, 2, dying())).rejects.toBe(failure);
  expect(await restoredTexts(ports)).toEqual(["whole"]);
  expect(await ports.blobs.keys(`snapshots.${UNIT}.`)).toHaveLength(3);
  // It may still be on its way: only a newer snapshot shows that it is not.
  await pruneSnapshots(ports.blobs, UNIT, 3);
  expect(await ports.blobs.keys(`snapshots.${UNIT}.`)).toHaveLength(3);
  await writeFull(ports, 3, [text("newer")]);
  await pruneSnapshots(ports.blobs, UNIT, 3);
  expect(await ports.blobs.keys(`snapshots.${UNIT}.`)).toHaveLength(4);
});

test("of two writers at one sequence the first counts, unless its manifest is damaged", async () => {
  const ports = portsOf();
  const first = await writeFull(ports, 1, [text("one")]);
  expect(await writeFull(ports, 1, [text("two")])).toEqual(first);
  expect(await restoredTexts(ports)).toEqual(["one"]);
  await damageBlob(ports.blobs, manifestKey(UNIT, 1), () => new Uint8Array(3));
  await writeFull(ports, 1, [text("three")]);
  expect(await restoredTexts(ports)).toEqual(["three"]);
});

test("pruning keeps the newest, with all that they build on, and every kept one can be read", async () => {
  const kinds = fc.array(fc.constantFrom("full", "delta" as const), { minLength: 1, maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(kinds, fc.integer({ min: 1, max: 4 }), async (chain, keep) => {
      const ports = portsOf();
      for (const [i, kind] of chain.entries()) {
        if (kind === "full" || i === 0) await writeFull(ports, i, [text(String(i))]);
        else await writeDelta(ports, i, i - 1, [text(String(i))]);
      }
      const before = await listSnapshots(ports.blobs, UNIT);
      await pruneSnapshots(ports.blobs, UNIT, keep);
      const after = await listSnapshots(ports.blobs, UNIT);
      expect(after.slice(0, keep)).toEqual(before.slice(0, keep));
      for (const { sequence } of after) {
        const read = await restore(ports, { accepts: (manifest) => manifest.sequence === sequence });
        expect(read.reported).toEqual([]);
        expect(texts(read.chunks).at(-1)).toBe(String(sequence));
      }
      // What is kept beyond is needed: the oldest of all is a full one.
      expect(after.at(-1)?.kind).toBe("full");
      const manifests = new Set(after.flatMap(({ sequence }) => manifestKey(UNIT, sequence)));
      const keys = new Set([...manifests, ...after.flatMap(({ parts }) => parts.map(({ key }) => key))]);
      expect(new Set(await ports.blobs.keys("snapshots."))).toEqual(keys);
      expect(await oldestNeededSequence(ports.blobs, UNIT)).toBe((after.at(-1)?.sequence ?? -1) + 1);
    }),
    { numRuns: 40 },
  );
});

test("without a snapshot the log is needed from its first entry on, and nothing is pruned", async () => {
  const ports = portsOf();
  expect(await oldestNeededSequence(ports.blobs, UNIT)).toBe(1);
  expect(await pruneSnapshots(ports.blobs, UNIT, 2)).toBe(0);
});

test("units with names that begin alike are kept apart", async () => {
  const ports = portsOf();
  await writeFull(ports, 1, [text("mine")]);
  await writeSnapshot(ports, { ...contentOf(9, [text("other")]), unit: `${UNIT}1` });
  expect(await restoredTexts(ports)).toEqual(["mine"]);
});

function portsOf(given: Partial<SnapshotPorts> = {}): SnapshotPorts {
  return { blobs: memoryBlobStore(), compressor: identityCompressor, pause: async () => {}, ...given };
}

function contentOf(sequence: number, chunks: Iterable<Uint8Array>) {
  return { unit: UNIT, kind: "full", sequence, facts: { schema: "s1" }, chunks } as const;
}

function writeFull(ports: SnapshotPorts, sequence: number, chunks: Iterable<Uint8Array>) {
  return writeSnapshot(ports, contentOf(sequence, chunks));
}

function writeDelta(ports: SnapshotPorts, sequence: number, base: number, chunks: Iterable<Uint8Array>) {
  return writeSnapshot(ports, { ...contentOf(sequence, chunks), kind: "delta", base });
}

type Restored = Readonly<{
  manifest: SnapshotManifest | undefined;
  chunks: readonly Uint8Array[];
  reported: readonly (readonly [code: string, key: unknown])[];
}>;

async function restore(
  ports: SnapshotPorts,
  given: { accepts?: (manifest: SnapshotManifest) => boolean } = {},
): Promise<Restored> {
  let taken: Uint8Array[] = [];
  const reported: [string, unknown][] = [];
  const manifest = await readSnapshot(ports, UNIT, {
    accepts: given.accepts ?? (() => true),
    report: ({ code, detail }) => reported.push([code, detail["key"]]),
    async load(_, chunks) {
      taken = [];
      for await (const { bytes } of chunks) taken.push(bytes);
    },
  });
  return { manifest, chunks: taken, reported };
}

async function restoredTexts(...given: Parameters<typeof restore>): Promise<string[]> {
  return texts((await restore(...given)).chunks);
}

function texts(chunks: readonly Uint8Array[]): string[] {
  return chunks.map((chunk) => new TextDecoder().decode(chunk));
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function randomBytes(length: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  return new Uint8Array(
    Uint32Array.from({ length: (length >> 2) + 1 }, () => random() * 2 ** 32).buffer,
    0,
    length,
  );
}

async function damageBlob(
  blobs: BlobStore,
  key: string,
  damage: (bytes: Uint8Array) => Uint8Array | undefined,
): Promise<void> {
  const bytes = await blobs.get(key);
  expect(bytes, key).toBeDefined();
  const damaged = damage(bytes ?? new Uint8Array());
  if (damaged === undefined) await blobs.remove(key);
  else await blobs.put(key, damaged);
}

function failingOn(ports: SnapshotPorts, failing: string, code: string): SnapshotPorts {
  const { blobs } = ports;
  const get = async (key: string) => {
    if (key === failing) throw new EngineError({ code, message: "as planned", retryable: false });
    return blobs.get(key);
  };
  return { ...ports, blobs: { ...blobs, get } };
}
