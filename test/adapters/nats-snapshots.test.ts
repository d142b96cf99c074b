import { jetstreamManager } from "@nats-io/jetstream";
import { expect, test } from "vitest";
import { listSnapshots } from "../../src/actors/list-snapshots.ts";
import { pruneSnapshots } from "../../src/actors/prune-snapshots.ts";
import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import { natsBlobStore } from "../../src/adapters/nats-blob-store.ts";
import { zstdCompressor } from "../../src/adapters/zstd-compressor.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import { sha256Hex } from "../../src/kernel/hash.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { Context } from "../../src/shards/context.ts";
import { encodeContext } from "../../src/shards/context-codec.ts";
import type { ContextStore } from "../../src/shards/context-store.ts";
import { restoreShard } from "../../src/shards/snapshot-read.ts";
import { snapshotShard } from "../../src/shards/snapshot-write.ts";
import { describeWithNats } from "./with-nats.ts";

const USERS = 600;
const SLOTS = 400;
const SNAPSHOT = { unit: "shard-0", loggedAtMs: () => undefined };

await describeWithNats("snapshots", (suite) => {
  test("a shard is written, pruned and restored; a part that the server damaged takes it one back", async () => {
    const buckets = { releases: "snapshots", artefacts: "snapshot-parts" };
    const blobs = await natsBlobStore(suite().nc, buckets);
    const ports = { blobs, compressor: zstdCompressor, pause: async () => {} };
    const store = memoryContextStore();
    const everybody = Array.from({ length: USERS }, (_, i) => i);
    for (const users of [everybody, everybody.slice(0, 50), everybody, everybody.slice(0, 250)]) {
      await store.commit(commitOf(users, (store.meta()?.applied ?? 0) + 1));
      await snapshotShard(ports, store, SNAPSHOT);
    }
    await pruneSnapshots(blobs, SNAPSHOT.unit, 2);
    const kept = await listSnapshots(blobs, SNAPSHOT.unit);
    expect(kept.map(({ kind, sequence }) => [kind, sequence])).toEqual([
      ["delta", 4],
      ["full", 3],
    ]);

    const restored = memoryContextStore();
    const reported: string[] = [];
    const restoring = {
      unit: SNAPSHOT.unit,
      accepts: () => true,
      report: ({ code }: { readonly code: string }) => reported.push(code),
    };
    expect((await restoreShard(ports, restored, restoring))?.sequence).toBe(4);
    expect(digestOf(restored)).toBe(digestOf(store));
    expect(reported).toEqual([]);

    const stream = `OBJ_${buckets.artefacts}`;
    const jsm = await jetstreamManager(suite().nc);
    const piece = await jsm.streams.getMessage(stream, { last_by_subj: `$O.${buckets.artefacts}.C.>` });
    await jsm.streams.deleteMessage(stream, piece?.seq ?? 0, true); // Of the newest snapshot's last part.
    const older = memoryContextStore();
    expect((await restoreShard(ports, older, restoring))?.sequence).toBe(3);
    expect(reported).toEqual(["SNAPSHOT_CORRUPT"]);
    expect([older.meta()?.applied, older.users()]).toEqual([3, USERS]);
  });
});

function digestOf(store: ContextStore): string {
  return sha256Hex(...[...store.contexts()].flat());
}

function commitOf(numbers: readonly number[], applied: number) {
  const writer = new ByteWriter();
  const random = seededRandom(applied);
  return {
    contexts: numbers.map((number) => {
      const context = new Context(`user-${number}`, SLOTS, "e1");
      context.lastSequence = applied;
      for (let i = 0; i < SLOTS; i++) context.slab[i] = random();
      return [context.user, encodeContext(context, writer)] as const;
    }),
    ring: [],
    authenticated: [],
    outbox: [],
    meta: {
      applied,
      schema: "s1",
      encoder: "e1",
      encoderOrder: 0,
      profiles: {},
      activatedMs: {},
      segments: 0,
      nextOutbox: 1,
    },
  };
}
