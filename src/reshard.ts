import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as immediate, setTimeout as sleep } from "node:timers/promises";
import type { BlobStore } from "./actors/blob-store.ts";
import type { SnapshotPorts } from "./actors/write-snapshot.ts";
import { aesCipher } from "./adapters/aes-cipher.ts";
import { deploymentKeys } from "./adapters/deployment-keys.ts";
import { entropyBits, entropyBytes, newId } from "./adapters/entropy.ts";
import { lmdbContextStore } from "./adapters/lmdb-context-store.ts";
import { memoryBus } from "./adapters/memory-bus.ts";
import type { NatsAccess } from "./adapters/nats-access.ts";
import { natsBlobStore } from "./adapters/nats-blob-store.ts";
import { replicasFor } from "./adapters/nats-cluster.ts";
import { connectNats } from "./adapters/nats-connection.ts";
import { natsKeyValue } from "./adapters/nats-key-value.ts";
import { NatsLog } from "./adapters/nats-log.ts";
import { systemClock } from "./adapters/system-clock.ts";
import { zstdCompressor } from "./adapters/zstd-compressor.ts";
import { type Deployment, readDeployment, writeDeployment } from "./deployment.ts";
import { type Subjects, subjectsOf } from "./events/subjects.ts";
import { EngineError } from "./kernel/engine-error.ts";
import { openCopy } from "./open-copy.ts";
import { userHasher } from "./privacy/user-hash.ts";
import { decisionKeyOf, releasesOf } from "./releases.ts";
import { writeSplitShard } from "./shards/split-shard.ts";
import { NODE_KEYS } from "./supervisor/cluster-records.ts";
import { shardUnit } from "./units.ts";

/** How shards are split. */
export type ReshardOptions = Readonly<{
  nats: NatsAccess;
  prefix: string;
  /** Twice the present number. */
  shards: number;
  /** Folder for stores that are needed meanwhile. */
  workDir: string;
  ringEvents: number;
  /** Only tell what would be done. */
  planOnly: boolean;
}>;

/** What was split, or would be. */
export type ReshardResult = Readonly<{
  from: Deployment;
  to: Deployment;
  done: boolean;
  /** Log entries and users of each shard; users are known once it is done. */
  shards: readonly Readonly<{ shard: number; entries: number; users?: readonly number[] }>[];
}>;

/** Longer than a node that is alive takes to renew its record. */
const SILENCE_MS = 2_500;
const FOLD_CHECK_MS = 50;

/**
 * Splits every shard of a deployment in two, while no node runs: each log is folded to its end, which publishes what
 * was not published yet, and each half becomes the snapshot that a shard of the next generation starts from. Until the
 * last write nothing of the present generation is changed, so a run that was cut off is simply run again.
 *
 * @throws EngineError `NO_DEPLOYMENT`, `BAD_SHARD_COUNT`, `NODES_RUNNING`.
 */
export async function reshard(
  options: ReshardOptions,
  report: (line: string) => void,
): Promise<ReshardResult> {
  const connection = await connectNats({ ...options.nats, name: "resonance reshard" });
  try {
    const plain = subjectsOf(options.prefix);
    const replicas = await replicasFor(connection);
    const log = await NatsLog.over(connection, { replicas });
    const blobs = await natsBlobStore(connection, plain, { replicas });
    const from = await splittable(blobs, options.shards);
    const to: Deployment = { shards: options.shards, generation: from.generation + 1 };
    const [now, next] = [from, to].map(({ generation }) => subjectsOf(options.prefix, generation)) as [
      Subjects,
      Subjects,
    ];
    await refuseNodes(await natsKeyValue(connection, now.cluster, { replicas }));
    const shards = await Promise.all(
      Array.from({ length: from.shards }, async (_, shard) => ({
        shard,
        entries: (await log.bounds(now.shardLog(shard))).last,
      })),
    );
    if (options.planOnly) return { from, to, done: false, shards };

    await writeDeployment(blobs, { ...from, resharding: true });
    const buckets = { releases: plain.snapshots, artefacts: plain.snapshotParts };
    const snapshots: SnapshotPorts = {
      blobs: await natsBlobStore(connection, buckets, { replicas }),
      compressor: zstdCompressor,
      cipher: aesCipher,
      pause: () => immediate(),
    };
    for (let shard = 0; shard < to.shards; shard++) {
      await log.ensure(next.shardLog(shard));
      await removeLeftovers(snapshots.blobs, next.snapshotsOf(shardUnit(shard)));
    }
    const split: ReshardResult["shards"][number][] = [];
    for (const { shard, entries } of shards) {
      const users = await splitOne(shard, { log, blobs, snapshots, now, next, to, options, report });
      report(`shard ${shard}: ${entries} entries, ${users[0]} and ${users[1]} users`);
      split.push({ shard, entries, users });
    }
    await writeDeployment(blobs, to);
    return { from, to, done: true, shards: split };
  } finally {
    await connection.close();
  }
}

async function splittable(blobs: BlobStore, shards: number): Promise<Deployment> {
  const held = await readDeployment(blobs);
  if (held === undefined) {
    const message = "there is no deployment yet: start a node with --shards N instead";
    throw new EngineError({ code: "NO_DEPLOYMENT", message, retryable: false });
  }
  if (shards !== 2 * held.shards) {
    const message = `${held.shards} shards can be split into ${2 * held.shards}, not into ${shards}`;
    throw new EngineError({ code: "BAD_SHARD_COUNT", message, retryable: false });
  }
  return { shards: held.shards, generation: held.generation };
}

/** A node that is alive renews its record all the time; those of dead ones stand still. */
async function refuseNodes(table: Awaited<ReturnType<typeof natsKeyValue>>): Promise<void> {
  const before = new Map((await table.entries(NODE_KEYS)).map(({ key, revision }) => [key, revision]));
  if (before.size === 0) return;
  await sleep(SILENCE_MS);
  const alive = (await table.entries(NODE_KEYS)).filter(({ key, revision }) => before.get(key) !== revision);
  if (alive.length === 0) return;
  const names = alive.map(({ key }) => key.slice(NODE_KEYS.length)).join(", ");
  const message = `nodes run: ${names}. Stop them first; what services send meanwhile they have to send again`;
  throw new EngineError({ code: "NODES_RUNNING", message, retryable: false });
}

/** What an earlier run that was cut off has written. */
async function removeLeftovers(blobs: BlobStore, unit: string): Promise<void> {
  for (const key of await blobs.keys(`snapshots.${unit}.`)) await blobs.remove(key);
}

type Work = Readonly<{
  log: NatsLog;
  blobs: BlobStore;
  snapshots: SnapshotPorts;
  now: Subjects;
  next: Subjects;
  to: Deployment;
  options: ReshardOptions;
  report: (line: string) => void;
}>;

/** Folds a shard to the end of its log in a store of its own, and writes its halves. */
async function splitOne(shard: number, work: Work): Promise<number[]> {
  const { log, blobs, snapshots, now, next, to, options, report } = work;
  const folder = await mkdtemp(join(options.workDir, `reshard-${shard}-`));
  try {
    const { last } = await log.bounds(now.shardLog(shard));
    const place = { open: () => lmdbContextStore(folder), setAside: () => folder };
    const copy = await openCopy(
      shardUnit(shard),
      {
        log,
        bus: memoryBus(),
        blobs,
        snapshots,
        releases: releasesOf(blobs),
        clock: systemClock,
        sleep: (ms) => sleep(ms),
        newId,
        decisionKey: await decisionKeyOf(blobs, entropyBytes),
        hashUser: userHasher((await deploymentKeys(blobs, entropyBytes)).lasting("erased-users")),
        // Nothing is erased here: with erasures pending it is refused below.
        purge: async () => ({ decisions: 0, deadLetters: 0, transitions: 0 }),
        bits: entropyBits(),
        subjects: now,
        report,
      },
      {
        contexts: () => place,
        profiles: () => {
          throw new Error("a shard has no profiles");
        },
      },
      {
        node: "reshard",
        shards: to.shards / 2,
        residentUsers: 100_000,
        ringEvents: options.ringEvents,
        batchEntries: 1_000,
        publishEveryMs: Number.POSITIVE_INFINITY,
        snapshotEveryMs: Number.POSITIVE_INFINITY,
        keepLogMs: Number.POSITIVE_INFINITY,
        idleMs: Number.POSITIVE_INFINITY,
      },
    );
    await copy.own({ epoch: 0, session: 0, isHeld: () => true });
    while ((await copy.lag()) > 0) await Promise.race([sleep(FOLD_CHECK_MS), copy.done]);
    await copy.drain();
    await copy.stop();
    const store = lmdbContextStore(folder);
    const view = store.snapshot();
    try {
      const { meta } = view;
      if (meta === undefined || meta.applied < last) return last === 0 ? [0, 0] : failToFold(shard, last);
      if (meta.erasures !== undefined) throw erasuresPending(shard, meta.erasures.length);
      const halves = [2 * shard, 2 * shard + 1];
      const users: number[] = [];
      for (const half of halves) {
        const into = { shard: half, shards: to.shards, unit: next.snapshotsOf(shardUnit(half)) };
        users.push(await writeSplitShard(snapshots, view, meta, into));
      }
      return users;
    } finally {
      view.close();
      await store.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The log of the new shards would not have what tells whom they are of. */
function erasuresPending(shard: number, count: number): EngineError {
  const message = `${count} erasures of shard ${shard} are not done yet: start the nodes again, wait until \`resonance erase --erasure\` tells so, and run it again`;
  return new EngineError({ code: "ERASURES_PENDING", message, retryable: true, detail: { shard } });
}

function failToFold(shard: number, last: number): never {
  const message = `shard ${shard} could not be folded up to entry ${last}: nothing was changed, run it again`;
  throw new EngineError({ code: "RESHARD_INCOMPLETE", message, retryable: true });
}
