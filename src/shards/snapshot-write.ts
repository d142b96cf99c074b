import { chainOf, listSnapshots, type ReportCorrupt } from "../actors/list-snapshots.ts";
import { manifestKey, type SnapshotManifest } from "../actors/snapshot-manifest.ts";
import { type SnapshotPorts, writeSnapshot } from "../actors/write-snapshot.ts";
import { ByteWriter } from "../kernel/byte-writer.ts";
import { lastSequenceOf } from "./context-codec.ts";
import type { ContextSnapshot, ContextStore, ShardMeta } from "./context-store.ts";
import { encodeShardChunk, type UserRows } from "./snapshot-codec.ts";

export type ShardSnapshotOptions = Readonly<{
  /** The shard's name among the snapshots, such as `shard-3`. */
  unit: string;
  /** The log's time of an entry, epoch ms, if known. */
  loggedAtMs(sequence: number): number | undefined;
  /** Hears of older snapshots that are damaged. */
  report?: ReportCorrupt;
  /** A full one, also if there is a delta at the same sequence, or one in which outputs waited that are out by now: it takes its place. */
  isFull?: boolean;
  /** The first sequence that the base of a delta may have: one from before an erasure would bring back who was erased. */
  baseFrom?(meta: ShardMeta): number;
}>;

/** Deltas on one full snapshot: reading one takes all those before it. */
const DELTAS_MAX = 8;
/** Share of the users below which a delta pays. */
const DELTA_SHARE = 0.5;
/** Bytes at which a chunk ends: read from the store in a millisecond or two. */
const CHUNK_BYTES = 128 * 1024;
/** Contexts looked at between two pauses. */
const SCAN_USERS = 1_000;

/**
 * Writes a snapshot of a shard as of its last commit, while the shard goes on: a delta on the newest one if few
 * users changed since, or else a full one.
 *
 * @returns Undefined if there is nothing new: no commit yet, or a snapshot at its sequence or beyond.
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable); `STORE_CORRUPT` from the store.
 */
export async function snapshotShard(
  ports: SnapshotPorts,
  store: ContextStore,
  options: ShardSnapshotOptions,
): Promise<SnapshotManifest | undefined> {
  const view = store.snapshot();
  try {
    const { meta } = view;
    if (meta === undefined) return undefined;
    const waitsFrom = firstWaiting(view);
    const held = await listSnapshots(ports.blobs, options.unit, options.report);
    const [newest] = held;
    if (newest !== undefined && newest.sequence >= meta.applied) {
      const { kind, waitsFrom: waited = Number.POSITIVE_INFINITY } = newest;
      const isGood = kind === "full" && (waitsFrom ?? Number.POSITIVE_INFINITY) <= waited;
      if (options.isFull !== true || isGood || newest.sequence > meta.applied) return undefined;
      await ports.blobs.remove(manifestKey(options.unit, newest.sequence)); // Its parts are pruned with the older ones.
    }
    const baseFrom = options.baseFrom?.(meta) ?? 0;
    const isAdded = options.isFull !== true && newest !== undefined && newest.sequence >= baseFrom;
    const changed =
      isAdded && canAddTo(newest, held, meta)
        ? await changedSince(view, newest.sequence, ports.pause)
        : undefined;
    const loggedAtMs = options.loggedAtMs(meta.applied);
    return await writeSnapshot(ports, {
      unit: options.unit,
      sequence: meta.applied,
      ...(changed === undefined || newest === undefined
        ? { kind: "full" }
        : { kind: "delta", base: newest.sequence }),
      ...(waitsFrom === undefined ? {} : { waitsFrom }),
      ...(loggedAtMs === undefined ? {} : { loggedAtMs }),
      facts: { schema: meta.schema, encoder: meta.encoder, users: view.users() },
      chunks: chunksOf(view, meta, changed),
    });
  } finally {
    view.close();
  }
}

/** The first log entry of which outputs wait in a store; undefined if none does. */
export function firstWaiting(store: Pick<ContextSnapshot, "outbox">): number | undefined {
  const items = store.outbox();
  return items.length === 0 ? undefined : Math.min(...items.map(({ after }) => after)) + 1;
}

/** Whether a delta may be written on a snapshot: it can be restored, in few steps, by the same build. */
function canAddTo(base: SnapshotManifest, held: readonly SnapshotManifest[], meta: ShardMeta): boolean {
  const chain = chainOf(held, base);
  return chain !== undefined && chain.length <= DELTAS_MAX && base.facts["schema"] === meta.schema;
}

/** Users changed behind a sequence, or undefined if they are too many for a delta. */
async function changedSince(
  view: ContextSnapshot,
  sequence: number,
  pause: () => Promise<void>,
): Promise<string[] | undefined> {
  const most = view.users() * DELTA_SHARE;
  const changed: string[] = [];
  let scanned = 0;
  for (const [user, bytes] of view.contexts()) {
    if (lastSequenceOf(bytes) > sequence) changed.push(user);
    if (changed.length >= most) return undefined;
    if (++scanned % SCAN_USERS === 0) await pause();
  }
  return changed;
}

function* chunksOf(
  view: ContextSnapshot,
  meta: ShardMeta,
  changed: readonly string[] | undefined,
): Generator<Uint8Array> {
  const writer = new ByteWriter();
  let users: UserRows[] = [];
  let bytes = 0;
  for (const [user, context] of changed === undefined ? view.contexts() : contextsOf(view, changed)) {
    const ring = view.loadRing(user);
    users.push({ user, context, isAuthenticated: view.isAuthenticated(user), ring });
    bytes += context.length;
    for (const [, event] of ring) bytes += event.length;
    if (bytes < CHUNK_BYTES) continue;
    yield encodeShardChunk({ kind: "users", users }, writer);
    users = [];
    bytes = 0;
  }
  if (users.length > 0) yield encodeShardChunk({ kind: "users", users }, writer);
  const items = view.outbox();
  if (items.length > 0) yield encodeShardChunk({ kind: "outbox", items }, writer);
  yield encodeShardChunk({ kind: "end", meta }, writer);
}

function* contextsOf(
  view: ContextSnapshot,
  users: readonly string[],
): Generator<readonly [string, Uint8Array]> {
  for (const user of users) {
    const context = view.load(user);
    if (context !== undefined) yield [user, context];
  }
}
