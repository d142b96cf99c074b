import type { Costs } from "./measured-costs.ts";

/** What a deployment has to bear, and what its machines are. */
export type Load = Readonly<{
  /** Users who are kept: all who came within the time after which idle ones are forgotten. */
  users: number;
  eventsPerUserDay: number;
  scoresPerUserDay: number;
  /** The busiest hour by the average one. */
  peak: number;
  /** Share of the users who act within an hour of the peak: those whose contexts should be in memory. */
  activeShare: number;
  /** Events of a user in the ring of newest ones, at most what `--ring` keeps. */
  ringEvents: number;
  /** Whether services send events in batches, so that many lie in a log's message. */
  isBatched: boolean;
  /** Copies beside the owner's: `--standbys`. */
  standbys: number;
  /** Copies of each stream among the NATS servers. */
  replicas: number;
  /** How long logs are kept: `--keep-log`. */
  keepLogHours: number;
  nodeCores: number;
  nodeMemoryBytes: number;
  /** Share of a core that may be busy at the peak: the rest is for fail-over, refits and spread. */
  utilisation: number;
}>;

/** What it takes. Rates are a second, sizes bytes. */
export type Plan = Readonly<{
  events: Readonly<{ average: number; peak: number }>;
  scores: Readonly<{ average: number; peak: number }>;
  shards: Readonly<{
    count: number;
    users: number;
    eventsPeak: number;
    threadBusy: number;
    restoreSeconds: number;
  }>;
  nodes: Readonly<{
    count: number;
    /** What asks for so many: processors or memory. */
    because: "processors" | "memory" | "standbys";
    cores: number;
    memoryBytes: number;
    residentUsers: number;
    threads: number;
    /** `--resident` of `up`: users a shard keeps in memory. */
    residentPerShard: number;
    diskBytes: number;
  }>;
  nats: Readonly<{
    servers: number;
    cores: number;
    logBytes: number;
    snapshotBytes: number;
    diskBytesServer: number;
    inBytesPerSecond: number;
    outBytesPerSecond: number;
  }>;
}>;

const DAY_SECONDS = 86_400;
const HOUR_MS_DAYS = 24;
/** A shard is one thread's work: so far below it, a fail-over or a refit beside it is not felt. */
const SHARD_THREAD_BUSY_MAX = 0.1;
/** More would make a restore long; fewer, more streams for the servers to lead. */
const SHARD_USERS_MAX = 500_000;
const SHARDS_MIN = 8;
/** A cluster bears the loss of one. */
const NODES_MIN_WITH_STANDBYS = 2;
const NATS_SERVER_CORES = 8;
/** While a store is rewritten after an erasure there are two of it, one shard at a time; the rest is room. */
const DISK_ROOM = 1.5;
const SNAPSHOTS_KEPT = 2;

/**
 * What a load takes, by measured costs: sums and products that anybody can check, no simulation. It leaves out what is small
 * (profiles, the cluster's table) and what is yours (services, the network between).
 */
export function planCapacity(load: Load, costs: Costs): Plan {
  const events = rates(load.users * load.eventsPerUserDay, load.peak);
  const scores = rates(load.users * load.scoresPerUserDay, load.peak);
  const copies = 1 + load.standbys;
  const shardCount = shardsFor(load, events.peak, costs);
  const storeBytes = load.users * (costs.storeBytes + load.ringEvents * costs.storeBytesRingEvent);

  const cpuUs = events.peak * (costs.ingestCpuUs + copies * costs.foldCpuUs) + scores.peak * costs.scoreCpuUs;
  const cores = cpuUs / 1e6 / load.utilisation;
  const residentUsers = Math.ceil(load.users * load.activeShare);
  const usersBytes = residentUsers * costs.userMemoryBytes * copies;
  const roomBytes = load.nodeMemoryBytes - costs.nodeMemoryBytes;
  const byCores = Math.ceil(cores / load.nodeCores);
  const byMemory = Math.ceil(usersBytes / Math.max(1, roomBytes));
  // One more than needed where copies are kept: the others bear the load while one is away.
  const spare = load.standbys > 0 ? 1 : 0;
  const least = load.standbys > 0 ? Math.max(NODES_MIN_WITH_STANDBYS, copies) : 1;
  const count = Math.max(byCores + spare, byMemory + spare, least);
  const because = count === least ? "standbys" : byCores >= byMemory ? "processors" : "memory";

  const logBytes =
    events.average *
    (load.keepLogHours / HOUR_MS_DAYS) *
    DAY_SECONDS *
    (load.isBatched ? costs.logBytesBundled : costs.logBytesAlone) *
    load.replicas;
  const snapshotBytes = storeBytes * costs.snapshotShare * SNAPSHOTS_KEPT * load.replicas;
  const natsCores =
    (events.peak * costs.natsEventCpuUs * natsFactor(load) + scores.peak * costs.natsScoreCpuUs) /
    1e6 /
    load.utilisation;
  const servers = Math.max(load.replicas, Math.ceil(natsCores / NATS_SERVER_CORES));
  const stored = events.peak * costs.eventWireBytes;
  return {
    events,
    scores,
    shards: {
      count: shardCount,
      users: Math.ceil(load.users / shardCount),
      eventsPeak: events.peak / shardCount,
      threadBusy: (events.peak / shardCount) * (costs.foldThreadUs / 1e6),
      restoreSeconds: load.users / shardCount / costs.restoreUsersPerSecond,
    },
    nodes: {
      ...{ count, because, cores: cores / count, residentUsers },
      memoryBytes: costs.nodeMemoryBytes + usersBytes / count,
      threads: Math.max(1, Math.min(load.nodeCores - 1, Math.ceil((shardCount * copies) / count))),
      residentPerShard: Math.ceil(residentUsers / shardCount),
      diskBytes: (storeBytes * copies * DISK_ROOM) / count,
    },
    nats: {
      ...{ servers, cores: natsCores, logBytes, snapshotBytes },
      diskBytesServer: ((logBytes + snapshotBytes) * DISK_ROOM) / servers,
      inBytesPerSecond: 2 * stored + scores.peak * costs.scoreWireBytes, // From the service, then into the log.
      outBytesPerSecond: stored * (1 + copies + load.replicas - 1) + scores.peak * costs.scoreWireBytes,
    },
  };
}

function rates(aDay: number, peak: number): Plan["events"] {
  return { average: aDay / DAY_SECONDS, peak: (aDay / DAY_SECONDS) * peak };
}

/** A power of two, so that doubling keeps what there is. */
function shardsFor({ users }: Load, eventsPeak: number, costs: Costs): number {
  const byUsers = users / SHARD_USERS_MAX;
  const byThread = (eventsPeak * costs.foldThreadUs) / 1e6 / SHARD_THREAD_BUSY_MAX;
  return 2 ** Math.ceil(Math.log2(Math.max(SHARDS_MIN, byUsers, byThread)));
}

/** The measured cost is of one copy of the log and one reader; each further one passes the bytes on once more. */
function natsFactor({ standbys, replicas }: Load): number {
  return (replicas + 1 + standbys) / 2;
}
