import { join } from "node:path";
import type { BlobStore } from "./actors/blob-store.ts";
import type { Bus } from "./actors/bus.ts";
import type { Log } from "./actors/log.ts";
import type { UnitCopy } from "./actors/unit-copy.ts";
import type { SnapshotPorts } from "./actors/write-snapshot.ts";
import { lmdbContextStore } from "./adapters/lmdb-context-store.ts";
import { lmdbProfileStore } from "./adapters/lmdb-profile-store.ts";
import { setAside } from "./adapters/store-guard.ts";
import type { Subjects } from "./events/subjects.ts";
import { FEATURES } from "./features/all-families.ts";
import type { Clock } from "./kernel/clock.ts";
import { EngineError } from "./kernel/engine-error.ts";
import { startProfileHost } from "./profiles/profile-host.ts";
import { restoreProfiles, snapshotProfiles } from "./profiles/snapshot-profiles.ts";
import type { Releases } from "./releases.ts";
import type { ContextStore } from "./shards/context-store.ts";
import { startShardHost } from "./shards/shard-host.ts";
import { restoreShard } from "./shards/snapshot-read.ts";
import { snapshotShard } from "./shards/snapshot-write.ts";
import { keepSnapshots } from "./snapshot-duty.ts";
import type { UnitThreadTask } from "./unit-thread-task.ts";
import { PROFILES_UNIT, shardOfUnit, shardUnit } from "./units.ts";

/** What copies need of the thread that they live in. */
export type CopyWorld = Readonly<{
  log: Log;
  bus: Bus;
  blobs: BlobStore;
  snapshots: SnapshotPorts;
  releases: Releases;
  clock: Clock;
  sleep(ms: number): Promise<void>;
  subjects: Subjects;
  report(line: string): void;
}>;

/**
 * Opens this node's copy of a unit, as a standby: over its own store if that is whole and the log goes on where it
 * ends, else from the newest snapshot that is whole, else from the log's beginning.
 *
 * @throws EngineError `LOG_TRIMMED` if none of these leads to the present.
 */
export async function openCopy(unit: string, world: CopyWorld, task: UnitThreadTask): Promise<UnitCopy> {
  const shard = shardOfUnit(unit);
  if (shard !== undefined) return openShard(shard, world, task);
  if (unit === PROFILES_UNIT) return openProfiles(world, task);
  throw new Error(`no such unit: ${unit}`);
}

async function openShard(shard: number, world: CopyWorld, task: UnitThreadTask): Promise<UnitCopy> {
  const unit = shardUnit(shard);
  const path = join(task.dataDir, "shards", String(shard));
  const store = await openContexts(shard, path, world);
  let host: UnitCopy;
  try {
    host = await startShardHost(
      { ...world, store },
      {
        shard,
        node: task.node,
        residentUsers: task.residentUsers,
        ringEvents: task.ringEvents,
        batchEntries: task.batchEntries,
      },
    );
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
  const copy = settingAside(host, path, world.report);
  return keepSnapshots(copy, {
    ports: world.snapshots,
    log: world.log,
    clock: world.clock,
    sleep: world.sleep,
    report: world.report,
    unit,
    stream: world.subjects.shardLog(shard),
    everyMs: task.snapshotEveryMs,
    keepLogMs: task.keepLogMs,
    write: () => snapshotShard(world.snapshots, store, { unit, loggedAtMs: () => undefined }),
  });
}

/** The shard's own store, made anew from a snapshot if it is damaged, empty, or so old that the log has moved on. */
async function openContexts(shard: number, path: string, world: CopyWorld): Promise<ContextStore> {
  const { first, last } = await world.log.bounds(world.subjects.shardLog(shard));
  let store = openOrSetAside(path, world.report, () => lmdbContextStore(path));
  const applied = store.meta()?.applied ?? 0;
  if (applied > 0 && applied + 1 < first) {
    world.report(
      `shard ${shard}: the log begins at ${first}, the store ends at ${applied}: starting from a snapshot`,
    );
    await store.close();
    setAside(path);
    store = lmdbContextStore(path);
  }
  if (store.meta() !== undefined) return store;
  try {
    const restored = await restoreShard(world.snapshots, store, {
      unit: shardUnit(shard),
      accepts: ({ facts, sequence }) =>
        facts["schema"] === FEATURES.version && sequence + 1 >= first && sequence <= last,
      report: (error) => world.report(`shard ${shard}: ${error.code}: ${error.message}`),
    });
    if (restored !== undefined)
      world.report(
        `shard ${shard}: restored ${restored.facts["users"]} users as of entry ${restored.sequence}`,
      );
    return store;
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}

async function openProfiles(world: CopyWorld, task: UnitThreadTask): Promise<UnitCopy> {
  const { blobs, snapshots, ...rest } = world;
  const unit = PROFILES_UNIT;
  const path = join(task.dataDir, "profiles");
  const stream = world.subjects.samples;
  const { first, last } = await world.log.bounds(stream);
  let store = lmdbProfileStore(path);
  const applied = store.meta()?.applied ?? 0;
  if (applied > 0 && applied + 1 < first) {
    await store.close();
    setAside(path);
    store = lmdbProfileStore(path);
  }
  if (store.meta() === undefined) {
    await restoreProfiles(snapshots, unit, store, {
      accepts: ({ sequence }) => sequence + 1 >= first && sequence <= last,
      report: (error) => world.report(`${unit}: ${error.code}: ${error.message}`),
    });
  }
  const copy = await startProfileHost(
    { ...rest, releases: blobs, store },
    { shards: task.shards, publishEveryMs: task.publishEveryMs },
  );
  return keepSnapshots(copy, {
    ports: snapshots,
    log: world.log,
    clock: world.clock,
    sleep: world.sleep,
    report: world.report,
    unit,
    stream,
    everyMs: task.snapshotEveryMs,
    keepLogMs: task.keepLogMs,
    write: () => snapshotProfiles(snapshots, unit, store),
  });
}

function openOrSetAside<Store>(path: string, report: (line: string) => void, open: () => Store): Store {
  try {
    return open();
  } catch (thrown) {
    if (!isCorrupt(thrown)) throw thrown;
    report(`${thrown.message}: it was set aside as ${setAside(path)}`);
    return open();
  }
}

/** A copy whose store proves damaged while it runs leaves it aside, so that the next start does not meet it again. */
function settingAside(copy: UnitCopy, path: string, report: (line: string) => void): UnitCopy {
  let isDamaged = false;
  copy.done.catch((thrown) => {
    isDamaged = isCorrupt(thrown);
  });
  return {
    done: copy.done,
    own: (lease) => copy.own(lease),
    drain: () => copy.drain(),
    rest: () => copy.rest(),
    lag: () => copy.lag(),
    async stop() {
      await copy.stop();
      if (isDamaged) report(`the damaged store was set aside as ${setAside(path)}`);
    },
  };
}

function isCorrupt(thrown: unknown): thrown is EngineError {
  return thrown instanceof EngineError && thrown.code === "STORE_CORRUPT";
}
