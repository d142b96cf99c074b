import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { MessagePort } from "node:worker_threads";
import { lmdbProfileStore } from "./adapters/lmdb-profile-store.ts";
import { natsBlobStore } from "./adapters/nats-blob-store.ts";
import { natsBus } from "./adapters/nats-bus.ts";
import { connectNats } from "./adapters/nats-connection.ts";
import { NatsLog } from "./adapters/nats-log.ts";
import { systemClock } from "./adapters/system-clock.ts";
import { subjectsOf } from "./events/subjects.ts";
import { startProfileHost } from "./profiles/profile-host.ts";
import { runUntilStopped, type ThreadEnd } from "./thread-protocol.ts";

/** What the profile thread is started with; plain data, since it crosses a thread. */
export type ProfileThreadTask = Readonly<{
  nats: string;
  node: string;
  dataDir: string;
  prefix: string;
  /** Number of shards of the deployment: every one is told of a publication. */
  shards: number;
  publishEveryMs: number;
}>;

/** Entry of the thread that owns the profile actor, until told to stop. */
export function runProfiles(task: ProfileThreadTask & { readonly port: MessagePort }): Promise<ThreadEnd> {
  return runUntilStopped(task.port, async () => {
    const connection = await connectNats({ servers: task.nats.split(","), name: `${task.node} profiles` });
    const subjects = subjectsOf(task.prefix);
    const host = await startProfileHost(
      {
        log: await NatsLog.over(connection),
        bus: natsBus(connection),
        releases: await natsBlobStore(connection, subjects),
        store: lmdbProfileStore(join(task.dataDir, "profiles")),
        clock: systemClock,
        sleep: (ms) => sleep(ms, undefined, { ref: false }),
        subjects,
      },
      { shards: task.shards, publishEveryMs: task.publishEveryMs },
    );
    return {
      done: host.done,
      async stop() {
        await host.stop();
        await connection.close();
      },
    };
  });
}
