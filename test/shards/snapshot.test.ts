import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { listSnapshots } from "../../src/actors/list-snapshots.ts";
import { pruneSnapshots } from "../../src/actors/prune-snapshots.ts";
import type { SnapshotPorts } from "../../src/actors/write-snapshot.ts";
import { identityCompressor } from "../../src/adapters/identity-compressor.ts";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import { zstdCompressor } from "../../src/adapters/zstd-compressor.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import { Context } from "../../src/shards/context.ts";
import { encodeContext, lastSequenceOf } from "../../src/shards/context-codec.ts";
import type { ContextStore, ShardCommit } from "../../src/shards/context-store.ts";
import { restoreShard } from "../../src/shards/snapshot-read.ts";
import { snapshotShard } from "../../src/shards/snapshot-write.ts";

const UNIT = "shard-3";
const RING = 4;

test("the last sequence of a context is read without the rest of it", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 90 }), fc.maxSafeNat(), (encoder, sequence) => {
      const context = new Context("ada", 3, encoder);
      context.lastSequence = sequence;
      context.slab.fill(7);
      expect(lastSequenceOf(encodeContext(context, new ByteWriter()))).toBe(sequence);
    }),
  );
});

/** What happens to a shard: users act, outputs are published, snapshots are taken and pruned. */
const someSteps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ act: fc.uniqueArray(fc.nat(20), { minLength: 1, maxLength: 6 }) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant(Array.from({ length: 20 }, (_, i) => i)) }) },
    { weight: 1, arbitrary: fc.record({ publish: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.constant({ snapshot: true }) },
    { weight: 1, arbitrary: fc.record({ prune: fc.integer({ min: 1, max: 3 }) }) },
  ),
  { minLength: 1, maxLength: 40 },
);

test("a restored shard holds, byte for byte, what it held at the snapshot", async () => {
  const kinds = new Set<string>();
  await fc.assert(
    fc.asyncProperty(someSteps, async (steps) => {
      const ports = portsOf();
      const store = memoryContextStore();
      let expected: unknown;
      for (const step of steps) {
        if ("act" in step) await store.commit(commitOf(store, step.act));
        if ("publish" in step)
          await store.removeOutbox(
            store
              .outbox()
              .slice(0, step.publish)
              .map(({ key }) => key),
          );
        if ("prune" in step) await pruneSnapshots(ports.blobs, UNIT, step.prune);
        if (!("snapshot" in step)) continue;
        const manifest = await snapshotShard(ports, store, optionsOf());
        if (manifest === undefined) continue;
        kinds.add(manifest.kind);
        expected = contentOf(store);
      }
      const restored = memoryContextStore();
      const manifest = await restoreShard(ports, restored, restoring());
      expect(manifest === undefined).toBe(expected === undefined);
      if (expected !== undefined) expect(contentOf(restored)).toEqual(expected);
      else expect([restored.users(), restored.meta()]).toEqual([0, undefined]);
    }),
    { numRuns: 150 },
  );
  expect(kinds).toEqual(new Set(["full", "delta"]));
});

test("LMDB gives and takes what the store in memory does", async () => {
  const folder = await mkdtemp(join(tmpdir(), "resonance-snapshot-"));
  const ports = { ...portsOf(), compressor: zstdCompressor };
  const from = lmdbContextStore(join(folder, "from"));
  const to = lmdbContextStore(join(folder, "to"));
  const everybody = Array.from({ length: 600 }, (_, i) => i);
  await from.commit(commitOf(from, everybody));
  await snapshotShard(ports, from, optionsOf());
  for (let i = 0; i < 6; i++) await from.commit(commitOf(from, everybody.slice(i * 20, i * 20 + 90)));
  expect((await snapshotShard(ports, from, optionsOf()))?.kind).toBe("delta");
  await restoreShard(ports, to, restoring());
  expect(contentOf(to)).toEqual(contentOf(from));
  const inMemory = memoryContextStore();
  await restoreShard(ports, inMemory, restoring());
  expect(contentOf(inMemory)).toEqual(contentOf(from));
  await from.close();
  await to.close();
  await rm(folder, { recursive: true, force: true });
});

test("a snapshot is of one commit, although the shard goes on while it is written", async () => {
  const store = memoryContextStore();
  await store.commit(commitOf(store, [1, 2, 3]));
  const expected = contentOf(store);
  let pauses = 0;
  const pause = async () => {
    if (pauses++ < 5) await store.commit(commitOf(store, [2, 3, 4]));
  };
  const ports = { ...portsOf(), pause };
  await snapshotShard(ports, store, optionsOf());
  expect(pauses).toBeGreaterThan(0);
  const restored = memoryContextStore();
  await restoreShard(portsOf(ports.blobs), restored, restoring());
  expect(contentOf(restored)).toEqual(expected);
});

test("a delta is written while few users changed, up to eight in a row", async () => {
  const ports = portsOf();
  const store = memoryContextStore();
  const everybody = Array.from({ length: 20 }, (_, i) => i);
  const kindAfter = async (users: readonly number[]) => {
    await store.commit(commitOf(store, users));
    return (await snapshotShard(ports, store, optionsOf()))?.kind;
  };
  expect(await kindAfter(everybody)).toBe("full");
  expect(await kindAfter(everybody.slice(0, 10))).toBe("full");
  for (let i = 0; i < 8; i++) expect(await kindAfter([i])).toBe("delta");
  expect(await kindAfter([1])).toBe("full");
});

test("a full one that is asked for takes the place of a delta at the same sequence", async () => {
  const ports = portsOf();
  const store = memoryContextStore();
  await store.commit(commitOf(store, [1, 2, 3, 4, 5, 6]));
  await snapshotShard(ports, store, optionsOf());
  await store.commit(commitOf(store, [1]));
  const delta = await snapshotShard(ports, store, optionsOf());
  const full = await snapshotShard(ports, store, { ...optionsOf(), isFull: true });
  expect([delta?.kind, full?.kind, full?.sequence]).toEqual(["delta", "full", delta?.sequence]);
  const restored = memoryContextStore();
  const manifest = await restoreShard(ports, restored, restoring());
  expect(manifest?.kind).toBe("full");
  expect(contentOf(restored)).toEqual(contentOf(store));
  expect(await snapshotShard(ports, store, { ...optionsOf(), isFull: true })).toBeUndefined();
});

test("a full one that is asked for takes the place of one at its sequence once the outputs that waited in that are out", async () => {
  const ports = portsOf();
  const store = memoryContextStore();
  await store.commit(commitOf(store, [4, 5]));
  const waiting = await snapshotShard(ports, store, optionsOf());
  expect(waiting).toMatchObject({ kind: "full", waitsFrom: 1 });
  expect(await snapshotShard(ports, store, { ...optionsOf(), isFull: true })).toBeUndefined();
  await store.removeOutbox(store.outbox().map(({ key }) => key));
  expect(await snapshotShard(ports, store, optionsOf())).toBeUndefined();
  const clear = await snapshotShard(ports, store, { ...optionsOf(), isFull: true });
  expect(clear).toMatchObject({ kind: "full", sequence: waiting?.sequence });
  expect(clear).not.toHaveProperty("waitsFrom");
});

test("a snapshot from before an erasure is no base: with a delta on it, who was erased would be back", async () => {
  const ports = portsOf();
  const store = memoryContextStore();
  await store.commit(commitOf(store, [1, 2, 3, 4, 5, 6]));
  const before = await snapshotShard(ports, store, optionsOf());
  await store.commit({ ...commitOf(store, [1]), erased: ["user-2"] });
  const erasedAt = store.meta()?.applied ?? 0;
  expect(erasedAt).toBeGreaterThan(before?.sequence ?? 0);
  const after = await snapshotShard(ports, store, { ...optionsOf(), baseFrom: () => erasedAt });
  expect(after?.kind).toBe("full");
  await store.commit(commitOf(store, [1]));
  expect((await snapshotShard(ports, store, { ...optionsOf(), baseFrom: () => erasedAt }))?.kind).toBe(
    "delta",
  );
});

test("a delta holds the users that changed and no others", async () => {
  const ports = portsOf();
  const store = memoryContextStore();
  await store.commit(
    commitOf(
      store,
      Array.from({ length: 20 }, (_, i) => i),
    ),
  );
  const full = await snapshotShard(ports, store, optionsOf());
  await store.commit(commitOf(store, [4]));
  const delta = await snapshotShard(ports, store, optionsOf());
  expect([delta?.kind, delta?.base, delta?.facts["users"]]).toEqual(["delta", full?.sequence, 20]);
  expect(delta?.rawBytes).toBeLessThan((full?.rawBytes ?? 0) / 4);
});

test("nothing is written before the first commit, nor twice at one sequence", async () => {
  const ports = portsOf();
  const store = memoryContextStore();
  expect(await snapshotShard(ports, store, optionsOf())).toBeUndefined();
  await store.commit(commitOf(store, [1]));
  expect((await snapshotShard(ports, store, optionsOf()))?.sequence).toBe(store.meta()?.applied);
  expect(await snapshotShard(ports, store, optionsOf())).toBeUndefined();
});

test("the manifest tells sequence, time, schema, encoder and users", async () => {
  const ports = portsOf();
  const store = memoryContextStore();
  await store.commit(commitOf(store, [1, 2]));
  await snapshotShard(ports, store, { ...optionsOf(), loggedAtMs: (sequence) => 1_000 + sequence });
  expect(await listSnapshots(ports.blobs, UNIT)).toMatchObject([
    { sequence: 1, loggedAtMs: 1_001, facts: { schema: "s1", encoder: "e1", users: 2 } },
  ]);
});

test("a snapshot of another schema is no base", async () => {
  const ports = portsOf();
  const store = memoryContextStore();
  await store.commit(commitOf(store, [1, 2, 3, 4]));
  await snapshotShard(ports, store, optionsOf());
  const commit = commitOf(store, [1]);
  await store.commit({ ...commit, meta: { ...commit.meta, schema: "s2" } });
  expect((await snapshotShard(ports, store, optionsOf()))?.kind).toBe("full");
});

test("a damaged delta is reported, and the state before it restored", async () => {
  const ports = portsOf();
  const store = memoryContextStore();
  await store.commit(commitOf(store, [1, 2, 3, 4]));
  await snapshotShard(ports, store, optionsOf());
  const expected = contentOf(store);
  await store.commit(commitOf(store, [1]));
  const delta = await snapshotShard(ports, store, optionsOf());
  const key = delta?.parts[0]?.key ?? "";
  await ports.blobs.put(key, new Uint8Array(100));
  const reported: unknown[] = [];
  const restored = memoryContextStore();
  const manifest = await restoreShard(ports, restored, {
    ...restoring(),
    report: ({ code, detail }) => reported.push([code, detail["key"]]),
  });
  expect(manifest?.kind).toBe("full");
  expect(reported).toEqual([["SNAPSHOT_CORRUPT", key]]);
  expect(contentOf(restored)).toEqual(expected);
});

test("a restore that finds nothing whole leaves the store empty", async () => {
  const ports = portsOf();
  const store = memoryContextStore();
  await store.commit(commitOf(store, [1, 2, 3, 4]));
  const full = await snapshotShard(ports, store, optionsOf());
  await ports.blobs.remove(full?.parts[0]?.key ?? "");
  const restored = memoryContextStore();
  expect(await restoreShard(ports, restored, { ...restoring(), report: () => {} })).toBeUndefined();
  expect([restored.users(), restored.meta()]).toEqual([0, undefined]);
});

function portsOf(blobs = memoryBlobStore() as SnapshotPorts["blobs"]): SnapshotPorts {
  return { blobs, compressor: identityCompressor, pause: async () => {} };
}

function optionsOf() {
  return { unit: UNIT, loggedAtMs: () => undefined };
}

function restoring() {
  return {
    unit: UNIT,
    accepts: () => true,
    report: (error: Error) => {
      throw error;
    },
  };
}

/** The next batch of a shard: each user acts once, becomes authenticated the third time, and has something to publish. */
function commitOf(store: ContextStore, numbers: readonly number[]): ShardCommit {
  const sequence = (store.meta()?.applied ?? 0) + 1;
  const key = store.meta()?.nextOutbox ?? 1;
  const writer = new ByteWriter();
  const acted = numbers.map((number) => {
    const user = `user-${number}`;
    const context = new Context(user, 3, `encoder-${number % 3}`);
    const before = store.load(user);
    context.events = before === undefined ? 1 : store.loadRing(user).length + lastSequenceOf(before) + 1;
    context.lastSequence = sequence;
    context.slab.fill(number / sequence);
    return context;
  });
  return {
    contexts: acted.map((context) => [context.user, encodeContext(context, writer)]),
    ring: acted.map(({ user, events }) => ({
      user,
      slot: events % RING,
      bytes: Uint8Array.of(events, sequence),
    })),
    authenticated: acted.filter(({ events }) => events > 2).map(({ user }) => user),
    outbox: numbers
      .filter((number) => number % 5 === 0)
      .map((number, i) => ({
        key: key + i,
        after: sequence - 1,
        through: sequence,
        stream: "S",
        id: `${number}:${sequence}`,
        data: Uint8Array.of(number),
      })),
    meta: {
      applied: sequence,
      schema: "s1",
      encoder: "e1",
      encoderOrder: 0,
      profiles: { life: sequence },
      activatedMs: { life: sequence },
      segments: 1,
      nextOutbox: key + numbers.length,
    },
  };
}

/** All that a store holds, as plain data. */
function contentOf(store: ContextStore) {
  const users = [...store.contexts()].map(([user, bytes]) => [
    user,
    hex(bytes),
    store.loadRing(user).map(([slot, event]) => [slot, hex(event)]),
  ]);
  return {
    meta: store.meta(),
    users,
    authenticated: [...store.authenticated()],
    outbox: store.outbox().map((item) => ({ ...item, data: hex(item.data) })),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
