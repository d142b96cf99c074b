import { expect, test } from "vitest";
import type { BlobStore } from "../../src/actors/blob-store.ts";
import { listSnapshots } from "../../src/actors/list-snapshots.ts";
import { pruneSnapshots } from "../../src/actors/prune-snapshots.ts";
import { renewSnapshots } from "../../src/actors/renew-snapshots.ts";
import { parseSnapshotKey, snapshotPrefix } from "../../src/actors/snapshot-manifest.ts";
import { type SnapshotPorts, writeSnapshot } from "../../src/actors/write-snapshot.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { zstdCompressor } from "../../src/adapters/zstd-compressor.ts";

const UNIT = "shard-3";
/** The user is erased by entry 10. */
const ERASED_AT = 10;

test("snapshots from before an erasure, and those that build on them, make room for a full one from after it", async () => {
  const ports = portsOf();
  await write(ports, 4);
  await write(ports, 8, 4);
  await write(ports, 12, 8); // Taken after it, on what holds the user.
  await write(ports, 3, undefined, "shard-4");
  await renewSnapshots(ports.blobs, UNIT, { since: ERASED_AT, writeFull: () => write(ports, 13) });
  expect(await sequences(ports)).toEqual([13]);
  expect(await sequences(ports, "shard-4")).toEqual([3]);
  const keys = await ports.blobs.keys(snapshotPrefix(UNIT));
  const older = keys.filter((key) => (parseSnapshotKey(UNIT, key)?.sequence ?? ERASED_AT) < ERASED_AT);
  expect(older).toEqual([]);
});

test("a full one from after the erasure stays, with what builds on it, and none is written", async () => {
  const ports = portsOf();
  await write(ports, 4);
  await write(ports, 11);
  await write(ports, 14, 11);
  const writeFull = () => Promise.reject(new Error("there is one"));
  await renewSnapshots(ports.blobs, UNIT, { since: ERASED_AT, writeFull });
  expect(await sequences(ports)).toEqual([14, 11]);
});

test("one from after the erasure in which outputs from before it waited is replaced, with what builds on it", async () => {
  const ports = portsOf();
  await write(ports, 4);
  await write(ports, 10, undefined, UNIT, undefined, 9);
  await write(ports, 12, 10);
  await renewSnapshots(ports.blobs, UNIT, { since: ERASED_AT, writeFull: () => write(ports, 13) });
  expect(await sequences(ports)).toEqual([13]);
  await write(ports, 14, undefined, UNIT, undefined, 11); // What waits follows from entries behind the erasure.
  expect(await sequences(ports)).toEqual([14, 13]);
});

test("a writer in whose outbox somebody waits who is erased meanwhile takes its snapshot back, and no other's", async () => {
  const ports = portsOf();
  await write(ports, 4);
  const slow = write(
    ports,
    10,
    undefined,
    UNIT,
    () => renewSnapshots(ports.blobs, UNIT, { since: ERASED_AT, writeFull: () => write(ports, 11) }),
    10,
  );
  await expect(slow).rejects.toMatchObject({ code: "SNAPSHOT_OUTDATED" });
  expect(await sequences(ports)).toEqual([11]);
});

test("one that is further on than what its owner can write is no reason to leave it: the renewal is tried again", async () => {
  const ports = portsOf();
  await write(ports, 12, undefined, UNIT, undefined, 9);
  const renewal = { since: ERASED_AT, writeFull: async () => undefined };
  await expect(renewSnapshots(ports.blobs, UNIT, renewal)).rejects.toMatchObject({
    code: "SNAPSHOT_OUTDATED",
    retryable: true,
  });
  expect(await sequences(ports)).toEqual([12]);
});

test("a writer that began before the erasure takes its snapshot back", async () => {
  const ports = portsOf();
  await write(ports, 4);
  const slow = write(ports, 9, undefined, UNIT, () =>
    renewSnapshots(ports.blobs, UNIT, { since: ERASED_AT, writeFull: () => write(ports, 11) }),
  );
  await expect(slow).rejects.toMatchObject({ code: "SNAPSHOT_OUTDATED", retryable: true });
  await expect(write(ports, 15, 8)).rejects.toMatchObject({ code: "SNAPSHOT_OUTDATED" });
  expect(await sequences(ports)).toEqual([11]);
  await pruneSnapshots(ports.blobs, UNIT, 2);
  expect(await sequences(ports)).toEqual([11]);
});

test("wherever it is cut off, there is a snapshot to restore, and the next call ends it", async () => {
  for (let failAt = 1; ; failAt++) {
    const ports = portsOf();
    await write(ports, 4);
    await write(ports, 8, 4);
    const faulty = { ...ports, blobs: failingAt(ports.blobs, failAt) };
    const renewal = { since: ERASED_AT, writeFull: () => write(faulty, 12) };
    const isCutOff = await renewSnapshots(faulty.blobs, UNIT, renewal).then(
      () => false,
      () => true,
    );
    expect((await sequences(ports)).length).toBeGreaterThan(0);
    await renewSnapshots(ports.blobs, UNIT, { since: ERASED_AT, writeFull: () => write(ports, 12) });
    expect(await sequences(ports)).toEqual([12]);
    if (!isCutOff) {
      expect(failAt).toBeGreaterThan(8);
      return;
    }
  }
});

function portsOf(): SnapshotPorts {
  return { blobs: memoryBlobStore(), compressor: zstdCompressor, pause: async () => {} };
}

async function write(
  ports: SnapshotPorts,
  sequence: number,
  base?: number,
  unit = UNIT,
  meanwhile: () => Promise<unknown> = async () => {},
  waitsFrom?: number,
) {
  async function* chunks() {
    yield new TextEncoder().encode(`state of ${unit} at ${sequence}`);
    await meanwhile();
  }
  const kind = base === undefined ? ({ kind: "full" } as const) : ({ kind: "delta", base } as const);
  return writeSnapshot(ports, {
    unit,
    sequence,
    ...kind,
    ...(waitsFrom && { waitsFrom }),
    facts: {},
    chunks: chunks(),
  });
}

async function sequences({ blobs }: SnapshotPorts, unit = UNIT): Promise<number[]> {
  return (await listSnapshots(blobs, unit)).map(({ sequence }) => sequence);
}

/** A store of which one call fails, before it does anything. */
function failingAt(blobs: BlobStore, nth: number): BlobStore {
  let calls = 0;
  const maybe = (): void => {
    if (++calls === nth) throw new Error("cut off");
  };
  const through =
    <Given extends unknown[], Result>(act: (...given: Given) => Promise<Result>) =>
    async (...given: Given): Promise<Result> => {
      maybe();
      return act(...given);
    };
  return {
    get: through((key: string) => blobs.get(key)),
    put: through((key: string, bytes: Uint8Array) => blobs.put(key, bytes)),
    create: through((key: string, bytes: Uint8Array) => blobs.create(key, bytes)),
    remove: through((key: string) => blobs.remove(key)),
    keys: through((prefix: string) => blobs.keys(prefix)),
  };
}
