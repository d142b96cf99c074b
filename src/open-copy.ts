import { join } from "node:path";
import type { BlobStore } from "./actors/blob-store.ts";
import type { Bus } from "./actors/bus.ts";
import type { Log } from "./actors/log.ts";
import type { UnitCopy } from "./actors/unit-copy.ts";
import { lmdbContextStore } from "./adapters/lmdb-context-store.ts";
import { lmdbProfileStore } from "./adapters/lmdb-profile-store.ts";
import type { Subjects } from "./events/subjects.ts";
import type { Clock } from "./kernel/clock.ts";
import { startProfileHost } from "./profiles/profile-host.ts";
import type { Releases } from "./releases.ts";
import { startShardHost } from "./shards/shard-host.ts";
import type { UnitThreadTask } from "./unit-thread-task.ts";
import { PROFILES_UNIT, shardOfUnit } from "./units.ts";

/** What copies need of the thread that they live in. */
export type CopyWorld = Readonly<{
  log: Log;
  bus: Bus;
  blobs: BlobStore;
  releases: Releases;
  clock: Clock;
  sleep(ms: number): Promise<void>;
  subjects: Subjects;
  report(line: string): void;
}>;

/** Opens this node's copy of a unit over its own store, as a standby. */
export async function openCopy(unit: string, world: CopyWorld, task: UnitThreadTask): Promise<UnitCopy> {
  const shard = shardOfUnit(unit);
  if (shard !== undefined) return openShard(shard, world, task);
  if (unit === PROFILES_UNIT) return openProfiles(world, task);
  throw new Error(`no such unit: ${unit}`);
}

async function openShard(shard: number, world: CopyWorld, task: UnitThreadTask): Promise<UnitCopy> {
  const store = lmdbContextStore(join(task.dataDir, "shards", String(shard)));
  try {
    return await startShardHost(
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
}

async function openProfiles(world: CopyWorld, task: UnitThreadTask): Promise<UnitCopy> {
  const { blobs, ...rest } = world;
  return startProfileHost(
    { ...rest, releases: blobs, store: lmdbProfileStore(join(task.dataDir, "profiles")) },
    { shards: task.shards, publishEveryMs: task.publishEveryMs },
  );
}
