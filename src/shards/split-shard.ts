import { type SnapshotPorts, writeSnapshot } from "../actors/write-snapshot.ts";
import { ByteWriter } from "../kernel/byte-writer.ts";
import { shardOf } from "../kernel/hash.ts";
import { decodeContext, encodeContext } from "./context-codec.ts";
import type { ContextSnapshot, ShardMeta } from "./context-store.ts";
import { encodeShardChunk, type UserRows } from "./snapshot-codec.ts";

/** Users in one chunk of a snapshot. */
const USERS_A_CHUNK = 64;

/**
 * Writes one shard of a larger number as a snapshot: those of a shard's users that belong to it. Its log is a new one,
 * so its contexts have nothing of it yet.
 *
 * @param into - The new shard, the number of shards then, and the name of its snapshots.
 * @returns Users in it.
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable).
 */
export async function writeSplitShard(
  ports: SnapshotPorts,
  view: ContextSnapshot,
  meta: ShardMeta,
  into: Readonly<{ shard: number; shards: number; unit: string }>,
): Promise<number> {
  let users = 0;
  for (const [user] of view.contexts()) if (shardOf(user, into.shards) === into.shard) users++;
  await writeSnapshot(ports, {
    unit: into.unit,
    kind: "full",
    sequence: 0,
    facts: { schema: meta.schema, encoder: meta.encoder, users },
    chunks: chunksOf(view, meta, into),
  });
  return users;
}

function* chunksOf(
  view: ContextSnapshot,
  meta: ShardMeta,
  into: Readonly<{ shard: number; shards: number }>,
): Generator<Uint8Array> {
  const writer = new ByteWriter();
  const contextWriter = new ByteWriter();
  let users: UserRows[] = [];
  for (const [user, bytes] of view.contexts()) {
    if (shardOf(user, into.shards) !== into.shard) continue;
    const context = decodeContext(user, bytes);
    context.lastSequence = 0;
    users.push({
      user,
      context: encodeContext(context, contextWriter).slice(),
      isAuthenticated: view.isAuthenticated(user),
      ring: view.loadRing(user),
    });
    if (users.length < USERS_A_CHUNK) continue;
    yield encodeShardChunk({ kind: "users", users }, writer).slice();
    users = [];
  }
  if (users.length > 0) yield encodeShardChunk({ kind: "users", users }, writer).slice();
  // Warm-ups are told of under the old shards' names: they are begun anew.
  const { warmUps, nextSegments, erasures, ...kept } = meta;
  yield encodeShardChunk({ kind: "end", meta: { ...kept, applied: 0, nextOutbox: 1 } }, writer).slice();
}
