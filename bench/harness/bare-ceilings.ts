import { jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { abilitiesOf, connectNats } from "../../src/adapters/nats-connection.ts";
import { benchAccess } from "./bench-access.ts";
import { type LoadProcess, startLoadProcess } from "./load-process.ts";
import type { ConsumeTask, LoadResult, PublishedMessage, PublishTask } from "./load-tasks.ts";

/** A ceiling, and the way in which it was reached. */
export type Ceiling = Readonly<{ perSecond: number; way: string }>;

/** A way that was the best in an earlier round: only it is tried again. */
type Only = Readonly<{ way?: string }>;

/**
 * Messages a second that plain consumers read from streams: the best of pushing and ordered consumers, each in as many
 * processes as the node has threads, with the streams shared out among them.
 */
export async function consumeCeiling(
  url: string,
  streams: ConsumeTask["streams"],
  processes: number,
  only: Only = {},
): Promise<Ceiling> {
  const loads = await startAll(processes);
  try {
    const ways: Ceiling[] = [];
    for (const way of ["push", "ordered"] as const) {
      const name = `${way} consumers in ${processes} processes`;
      if (only.way !== undefined && only.way !== name) continue;
      const results = await Promise.all(
        loads.map((load, i) =>
          load.run({ kind: "consume", url, way, streams: shareOf(streams, i, loads.length) }),
        ),
      );
      ways.push({ perSecond: together(results), way: name });
    }
    return best(ways);
  } finally {
    await closeAll(loads);
  }
}

/**
 * Messages a second that are stored and acknowledged, in streams like the shards' logs: the best of atomic batches of
 * 500 and 1,000 (from server 2.12) or of pipelined publishes, from one process and from two.
 *
 * @param messages - One list a stream.
 */
export async function publishCeiling(
  url: string,
  prefix: string,
  messages: readonly (readonly PublishedMessage[])[],
  only: Only = {},
): Promise<Ceiling> {
  const loads = await startAll(2);
  try {
    const isAtomic = await takesAtomicBatches(url);
    const names = messages.map((_, i) => `${prefix.toUpperCase()}_BENCH_${i}`);
    const ways: Ceiling[] = [];
    for (const batch of isAtomic ? [500, 1_000] : [256, 1_000])
      for (const processes of [1, 2]) {
        const how = isAtomic ? `atomic batches of ${batch}` : `${batch} publishes under way a stream`;
        const way = `${how} from ${processes} ${processes === 1 ? "process" : "processes"}`;
        if (only.way !== undefined && only.way !== way) continue;
        const streams = messages.map((list, i) => ({ name: names[i] ?? "", messages: list }));
        const tasks = loads.slice(0, processes).map((load, i) => {
          const task: PublishTask = {
            kind: "publish",
            url,
            batch,
            isAtomic,
            streams: shareOf(streams, i, processes),
          };
          return () => load.run(task);
        });
        const results = await withBareStreams(url, names, () => Promise.all(tasks.map((run) => run())));
        ways.push({ perSecond: together(results), way });
      }
    return best(ways);
  } finally {
    await closeAll(loads);
  }
}

/** Makes streams like the shards' logs, each with a subject of its name, for as long as `during` takes. */
export async function withBareStreams<Result>(
  url: string,
  names: readonly string[],
  during: () => Promise<Result>,
): Promise<Result> {
  const nc = await connectNats({ ...benchAccess(url), name: "resonance bench ceiling" });
  try {
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    for (const name of names)
      await jsm.streams.add({
        name,
        subjects: [name],
        storage: StorageType.File,
        retention: RetentionPolicy.Limits,
        ...(abilitiesOf(nc).atomicBatch ? { allow_atomic: true } : {}),
      });
    const result = await during();
    for (const name of names) await jsm.streams.delete(name);
    return result;
  } finally {
    await nc.close();
  }
}

async function takesAtomicBatches(url: string): Promise<boolean> {
  const nc = await connectNats({ ...benchAccess(url), name: "resonance bench ceiling" });
  const { atomicBatch } = abilitiesOf(nc);
  await nc.close();
  return atomicBatch;
}

/** Runs a bare responder in a process of its own for as long as `during` takes. */
export async function whileEchoing<Result>(
  echo: Readonly<{ url: string; subject: string; replyBytes?: number }>,
  during: () => Promise<Result>,
): Promise<Result> {
  const load = await startLoadProcess();
  try {
    await load.run({ kind: "echo", ...echo });
    return await during();
  } finally {
    await load.close();
  }
}

function startAll(processes: number): Promise<LoadProcess[]> {
  return Promise.all(Array.from({ length: processes }, () => startLoadProcess()));
}

async function closeAll(loads: readonly LoadProcess[]): Promise<void> {
  await Promise.all(loads.map((load) => load.close()));
}

function shareOf<One>(all: readonly One[], index: number, processes: number): One[] {
  return all.filter((_, i) => i % processes === index);
}

/** From the first beginning to the last end. */
function together(results: readonly LoadResult[]): number {
  const beganMs = Math.min(...results.map((result) => result.beganMs));
  const endedMs = Math.max(...results.map((result) => result.endedMs));
  const count = results.reduce((sum, result) => sum + result.count, 0);
  return (count * 1_000) / (endedMs - beganMs);
}

function best(ways: readonly Ceiling[]): Ceiling {
  return ways.reduce((most, way) => (way.perSecond > most.perSecond ? way : most));
}
