import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { MessagePort } from "node:worker_threads";
import { lmdbContextStore } from "./adapters/lmdb-context-store.ts";
import { natsBlobStore } from "./adapters/nats-blob-store.ts";
import { natsBus } from "./adapters/nats-bus.ts";
import { connectNats } from "./adapters/nats-connection.ts";
import { NatsLog } from "./adapters/nats-log.ts";
import { systemClock } from "./adapters/system-clock.ts";
import { subjectsOf } from "./events/subjects.ts";
import { releasesOf } from "./releases.ts";
import { startShardHost } from "./shards/shard-host.ts";
import { runUntilStopped, type ThreadEnd } from "./thread-protocol.ts";

/** What a shard thread is started with; plain data, since it crosses a thread. */
export type ShardThreadTask = Readonly<{
  nats: string;
  node: string;
  dataDir: string;
  prefix: string;
  /** The shards that this thread owns. */
  shards: readonly number[];
  residentUsers: number;
  ringEvents: number;
  batchEntries: number;
}>;

/** Entry of a shard thread: one NATS connection, one LMDB environment a shard, until told to stop. */
export function runShards(task: ShardThreadTask & { readonly port: MessagePort }): Promise<ThreadEnd> {
  return runUntilStopped(task.port, async () => {
    const connection = await connectNats({
      servers: task.nats.split(","),
      name: `${task.node} shards ${task.shards.join(",")}`,
    });
    const subjects = subjectsOf(task.prefix);
    const blobs = await natsBlobStore(connection, subjects);
    const ports = {
      log: await NatsLog.over(connection),
      bus: natsBus(connection),
      releases: releasesOf(blobs),
      clock: systemClock,
      sleep: (ms: number) => sleep(ms, undefined, { ref: false }),
      subjects,
    };
    const hosts = await Promise.all(
      task.shards.map((shard) =>
        startShardHost(
          { ...ports, store: lmdbContextStore(join(task.dataDir, "shards", String(shard))) },
          {
            shard,
            node: task.node,
            residentUsers: task.residentUsers,
            ringEvents: task.ringEvents,
            batchEntries: task.batchEntries,
          },
        ),
      ),
    );
    await Promise.all(hosts.map((host) => host.own({ epoch: 1, session: 1, isHeld: () => true })));
    return {
      done: Promise.race(hosts.map((host) => host.done)),
      async stop() {
        await Promise.allSettled(hosts.map((host) => host.stop()));
        await connection.close();
      },
    };
  });
}
