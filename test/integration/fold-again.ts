import { readOnlyLog } from "../../bench/harness/read-only-log.ts";
import type { Append } from "../../src/actors/log.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import { natsBlobStore } from "../../src/adapters/nats-blob-store.ts";
import type { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { systemClock } from "../../src/adapters/system-clock.ts";
import type { Subjects } from "../../src/events/subjects.ts";
import { releasesOf } from "../../src/releases.ts";
import type { ContextStore } from "../../src/shards/context-store.ts";
import { startShardHost } from "../../src/shards/shard-host.ts";

type Connection = Awaited<ReturnType<typeof connectNats>>;

/**
 * Folds a shard's log from its first entry to its present end in one go, into memory: what an uninterrupted run
 * holds. Nothing is published; `published` is told of what would be.
 */
export async function foldAgain(
  connection: Connection,
  subjects: Subjects,
  given: {
    readonly shard: number;
    readonly ringEvents: number;
    readonly published?: (stream: string, messages: readonly Append[]) => void;
  },
): Promise<ContextStore> {
  const log = await NatsLog.over(connection);
  const { last } = await log.bounds(subjects.shardLog(given.shard));
  const store = memoryContextStore();
  const host = await startShardHost(
    {
      log: readOnlyLog(log, given.published),
      bus: memoryBus(),
      store,
      releases: releasesOf(await natsBlobStore(connection, subjects)),
      clock: systemClock,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      pause: () => new Promise((resolve) => setImmediate(resolve)),
      newId: () => "again",
      decisionKey: [1, 2],
      subjects,
    },
    {
      shard: given.shard,
      shards: given.shard + 1,
      node: "again",
      residentUsers: 1_000_000,
      ringEvents: given.ringEvents,
      batchEntries: 777,
    },
  );
  await host.own({ epoch: 1, session: 1, isHeld: () => true }); // As the owner, so that its outputs go, if only nowhere.
  while ((store.meta()?.applied ?? 0) < last || store.outbox().length > 0)
    await new Promise((resolve) => setTimeout(resolve, 20));
  await host.stop();
  return store;
}
