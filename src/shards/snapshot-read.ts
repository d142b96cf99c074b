import type { ReportCorrupt } from "../actors/list-snapshots.ts";
import { readSnapshot, type SnapshotChunk } from "../actors/read-snapshot.ts";
import { manifestKey, type SnapshotManifest, snapshotCorrupt } from "../actors/snapshot-manifest.ts";
import type { SnapshotPorts } from "../actors/write-snapshot.ts";
import type { EngineError } from "../kernel/engine-error.ts";
import type { ContextRows, ContextStore, ShardMeta } from "./context-store.ts";
import { HeldRows, type HeldUser, type WantedUser } from "./held-user.ts";
import { decodeShardChunk, type ShardChunk } from "./snapshot-codec.ts";

export type ShardRestoreOptions = Readonly<{
  /** The shard's name among the snapshots, such as `shard-3`. */
  unit: string;
  /** Whether a snapshot is of use: of this build's schema, and where the log can be read on. */
  accepts(manifest: SnapshotManifest): boolean;
  /** Hears of each snapshot that is damaged. */
  report: ReportCorrupt;
}>;

/** Chunks on their way into the store at once. */
const CHUNKS_UNDER_WAY = 8;

/**
 * Fills an empty store with the newest snapshot of a shard that is whole.
 *
 * @returns Its manifest; undefined if there is none, and the store is as empty as before.
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable) if only that may have kept it from a snapshot.
 */
export function restoreShard(
  ports: SnapshotPorts,
  store: ContextStore,
  { unit, accepts, report }: ShardRestoreOptions,
): Promise<SnapshotManifest | undefined> {
  return readSnapshot(ports, unit, {
    accepts,
    report,
    load: (chain, chunks) => load(store, chain, chunks, ports.pause),
  });
}

/**
 * Reads one user out of the newest snapshot of a shard that is whole and accepted: what a decision of then was made from.
 *
 * @returns Undefined if there is no such snapshot.
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable) if only that may have kept it from a snapshot.
 */
export async function readHeldUser(
  ports: SnapshotPorts,
  { unit, accepts, report }: ShardRestoreOptions,
  wanted: WantedUser,
): Promise<HeldUser | undefined> {
  let held: HeldUser | undefined;
  await readSnapshot(ports, unit, {
    accepts,
    report,
    async load(chain, chunks) {
      const rows = new HeldRows(wanted);
      let meta: ShardMeta | undefined;
      for await (const { manifest, bytes } of chunks) {
        const chunk = readable(manifest, bytes);
        if (chunk.kind === "end") meta = chunk.meta;
        if (chunk.kind === "users") rows.add(chunk.users);
        await ports.pause();
      }
      const newest = chain.at(-1);
      if (newest !== undefined && meta?.applied !== newest.sequence) throw incomplete(newest);
      held = rows.finish(meta);
    },
  });
  return held;
}

async function load(
  store: ContextStore,
  chain: readonly SnapshotManifest[],
  chunks: AsyncIterable<SnapshotChunk>,
  pause: () => Promise<void>,
): Promise<void> {
  const newest = chain.at(-1);
  if (newest === undefined) return;
  const target = store.import();
  const puts: Promise<void>[] = [];
  try {
    let meta: ShardMeta | undefined;
    for await (const { manifest, bytes } of chunks) {
      const chunk = readable(manifest, bytes);
      if (chunk.kind === "end") meta = chunk.meta;
      const rows = rowsOf(chunk, manifest === newest);
      if (rows === undefined) continue;
      const put = target.put(rows);
      put.catch(() => {}); // Awaited below.
      puts.push(put);
      if (puts.length > CHUNKS_UNDER_WAY) await puts.shift();
      await pause();
    }
    await Promise.all(puts);
    const isWhole = meta?.applied === newest.sequence && store.users() === newest.facts["users"];
    if (meta === undefined || !isWhole) throw incomplete(newest);
    await target.finish(meta);
  } catch (thrown) {
    await Promise.allSettled(puts);
    await target.abandon();
    throw thrown;
  }
}

function readable(manifest: SnapshotManifest, bytes: Uint8Array): ShardChunk {
  try {
    return decodeShardChunk(bytes);
  } catch (cause) {
    const key = manifestKey(manifest.unit, manifest.sequence);
    throw snapshotCorrupt(key, "a chunk of it can't be read", cause);
  }
}

/** What a chunk adds to a store: of the outbox, only what still waits at the end of the chain. */
function rowsOf(chunk: ShardChunk, isNewest: boolean): ContextRows | undefined {
  if (chunk.kind === "users") {
    const { users } = chunk;
    return {
      contexts: users.map(({ user, context }) => [user, context]),
      ring: users.flatMap(({ user, ring }) => ring.map(([slot, bytes]) => ({ user, slot, bytes }))),
      authenticated: users.flatMap(({ user, isAuthenticated }) => (isAuthenticated ? [user] : [])),
      outbox: [],
    };
  }
  if (chunk.kind === "outbox" && isNewest)
    return { contexts: [], ring: [], authenticated: [], outbox: chunk.items };
  return undefined;
}

function incomplete({ unit, sequence }: SnapshotManifest): EngineError {
  return snapshotCorrupt(manifestKey(unit, sequence), "what it holds is not what its manifest tells");
}
