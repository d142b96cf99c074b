import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { BlobStore } from "./actors/blob-store.ts";
import { newId } from "./adapters/entropy.ts";
import { natsBlobStore } from "./adapters/nats-blob-store.ts";
import { natsBus } from "./adapters/nats-bus.ts";
import { abilitiesOf, connectNats } from "./adapters/nats-connection.ts";
import { NatsLog } from "./adapters/nats-log.ts";
import { type RunningNatsServer, startNatsServer } from "./adapters/nats-server.ts";
import { mountService } from "./adapters/nats-service.ts";
import { systemClock } from "./adapters/system-clock.ts";
import { threadPool } from "./adapters/thread-pool.ts";
import { subjectsOf } from "./events/subjects.ts";
import { createGateway } from "./gateway/gateway.ts";
import { EngineError, toWireError } from "./kernel/engine-error.ts";
import { decode, encode } from "./kernel/msgpack.ts";
import type { NodeOptions } from "./node-options.ts";
import type { ProfileThreadTask } from "./profile-thread.ts";
import { decodeProfiles } from "./profiles/profiles-codec.ts";
import { releaseKeys } from "./releases.ts";
import type { ShardThreadTask } from "./shard-thread.ts";
import { type SupervisedThread, superviseThread } from "./supervised-thread.ts";
import { startTrainer } from "./trainer.ts";
import type { TrainingResult } from "./training-task.ts";

/** A node that runs: its threads, its gateway, and the NATS server if it is embedded. */
export type RunningNode = Readonly<{
  /** URL of the NATS server that the node uses. */
  natsUrl: string;
  /** The server's version, and where an embedded one was found; `given` if its URL was. */
  nats: Readonly<{ version: string; source: string }>;
  /** Settles when the node can't go on: a thread or the embedded server failed too often. */
  failed: Promise<EngineError>;
  /** Fits a new encoder from the members held and rolls it out; one at a time. */
  train(): Promise<TrainingResult>;
  /** Drains and commits every shard, then closes all. */
  stop(): Promise<void>;
}>;

/** Threads for fits and other work without state: one, so that it never starves the shards. */
const COMPUTE_THREADS = 1;
const COMPUTE_NICE = 10;

/**
 * Starts a node: NATS (embedded unless given), shard threads, the profile thread and the gateway.
 *
 * @param report - Is told what happens, a line each: where the server comes from, restarts, fits.
 * @throws EngineError `NATS_SERVER_UNAVAILABLE`, `NATS_UNREACHABLE`, `SHARDS_FIXED`.
 */
export async function startNode(options: NodeOptions, report: (line: string) => void): Promise<RunningNode> {
  await mkdir(options.dataDir, { recursive: true });
  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await compose(options, report, closers, stop);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

async function compose(
  options: NodeOptions,
  report: (line: string) => void,
  closers: (() => Promise<void>)[],
  stop: () => Promise<void>,
): Promise<RunningNode> {
  const name = `resonance-${newId().slice(0, 8)}`;
  let fail: (error: EngineError) => void = () => {};
  const failed = new Promise<EngineError>((resolve) => {
    fail = resolve;
  });

  const server = options.nats === undefined ? await embeddedNats(options, report, fail) : undefined;
  if (server !== undefined) closers.push(() => server.stop());
  const natsUrl = options.nats ?? server?.url ?? "";
  const connection = await connectNats({ servers: natsUrl.split(","), name });
  closers.push(() => connection.close());

  const subjects = subjectsOf(options.prefix);
  const log = await NatsLog.over(connection);
  const bus = natsBus(connection);
  const releases = await natsBlobStore(connection, subjects);
  await keepShards(releases, options.shards);
  await ensureStreams(log, subjects, options.shards);

  // Profiles come first: what shards send before is kept by the stream, but a publication needs the actor.
  const common = { nats: natsUrl, node: name, dataDir: options.dataDir, prefix: options.prefix };
  const profilePool = threadPool(new URL("./profile-thread", import.meta.url), { threads: 1 });
  const shardPool = threadPool(new URL("./shard-thread", import.meta.url), { threads: options.threads });
  const compute = threadPool(new URL("./training-task", import.meta.url), {
    threads: COMPUTE_THREADS,
    nice: COMPUTE_NICE,
  });
  closers.push(
    async () => void (await Promise.all([profilePool.close(), shardPool.close(), compute.close()])),
  );

  const supervise = (pool: typeof shardPool, entry: string, task: object): SupervisedThread => {
    const thread = superviseThread(pool, entry, task, (error, afterMs) => {
      report(`${entry} failed (${error.code}: ${error.message}): restarting in ${afterMs} ms`);
      if (error.code === "INTERNAL" && typeof error.detail?.["stack"] === "string")
        report(error.detail["stack"]);
    });
    closers.push(() => thread.stop());
    void thread.escalated.then(fail);
    return thread;
  };
  const profileTask: ProfileThreadTask = {
    ...common,
    shards: options.shards,
    publishEveryMs: options.publishEveryMs,
  };
  const profiles = supervise(profilePool, "runProfiles", profileTask);
  const shardThreads = Array.from({ length: options.threads }, (_, thread) => {
    const task: ShardThreadTask = {
      ...common,
      shards: Array.from({ length: options.shards }, (_, shard) => shard).filter(
        (shard) => shard % options.threads === thread,
      ),
      residentUsers: options.residentUsers,
      ringEvents: options.ringEvents,
      batchEntries: options.batchEntries,
    };
    return supervise(shardPool, "runShards", task);
  });
  await firstOf(failed, Promise.all([profiles, ...shardThreads].map((thread) => thread.ready)));

  const gateway = createGateway(
    {
      bus,
      log,
      releases,
      clock: systemClock,
      newId,
      subjects,
      decodeProfiles,
      memoryBytes: () => process.memoryUsage().rss,
    },
    { shards: options.shards, node: name },
  );
  await gateway.refreshDefinitions();
  const definitionsChanged = await releases.watch(
    "segments.",
    () => void gateway.refreshDefinitions().catch(() => {}),
  );
  closers.push(() => definitionsChanged.close());
  if (options.maps !== undefined) await gateway.putDefinitions(options.maps);
  const service = await mountService(connection, gateway.handlers, { prefix: options.prefix });
  closers.push(() => service.close());

  const trainer = startTrainer(
    { bus, log, releases, compute, subjects },
    { nats: natsUrl, prefix: options.prefix, shards: options.shards },
  );
  const train = async (): Promise<TrainingResult> => announce(await trainer.train(), report);
  const serveTraining = await bus.serve(subjects.profileActor("train"), async () => ({
    data: encode(await train()),
    contentType: "application/msgpack",
  }));
  closers.push(() => serveTraining.close());
  if (options.refit !== null) closers.push(refitLoop(trainer, options.refit, options.refitCheckMs, report));

  const version = abilitiesOf(connection).version;
  return { natsUrl, nats: { version, source: server?.source ?? "given" }, failed, train, stop };
}

async function embeddedNats(
  options: NodeOptions,
  report: (line: string) => void,
  fail: (error: EngineError) => void,
): Promise<RunningNatsServer> {
  const server = await startNatsServer({
    storeDir: join(options.dataDir, "nats"),
    sync: options.sync,
    report,
  });
  report(`nats-server ${server.version} (${server.source}) at ${server.url}`);
  void server.exited.then((how) => {
    if (how.asked) return;
    const message = `the embedded nats-server ended (${how.reason}): see ${server.logFile}`;
    fail(new EngineError({ code: "NATS_SERVER_ENDED", message, retryable: true }));
  });
  return server;
}

/** The number of shards decides where each user's log is, so it is written down once and checked for ever. */
async function keepShards(releases: BlobStore, shards: number): Promise<void> {
  const held = await releases.get(releaseKeys.deployment);
  if (held === undefined) return releases.put(releaseKeys.deployment, encode({ shards }));
  const created = (decode(held) as { shards: number }).shards;
  if (created === shards) return;
  const message = `this deployment was created with ${created} shards: start it with --shards ${created}`;
  throw new EngineError({
    code: "SHARDS_FIXED",
    message,
    retryable: false,
    detail: { created, asked: shards },
  });
}

const DAY_MS = 86_400_000;
const TRANSITIONS_KEPT_MS = DAY_MS;

async function ensureStreams(
  log: NatsLog,
  subjects: ReturnType<typeof subjectsOf>,
  shards: number,
): Promise<void> {
  for (let shard = 0; shard < shards; shard++) await log.ensure(subjects.shardLog(shard));
  await log.ensure(subjects.samples);
  await log.ensure(subjects.deadLetters);
  await log.ensure(subjects.transitions, {
    subjects: [subjects.transition("*", "*")],
    maxAgeMs: TRANSITIONS_KEPT_MS,
  });
}

/** Counts members now and then and fits when they have grown. */
function refitLoop(
  trainer: ReturnType<typeof startTrainer>,
  policy: NonNullable<NodeOptions["refit"]>,
  everyMs: number,
  report: (line: string) => void,
): () => Promise<void> {
  const stopping = new AbortController();
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await sleep(everyMs, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
      if (stopping.signal.aborted) return;
      try {
        const result = await trainer.trainIfDue(policy);
        if (result !== undefined) announce(result, report);
      } catch (thrown) {
        const error = toWireError(thrown);
        if (!stopping.signal.aborted) report(`refit postponed (${error.code}: ${error.message})`);
      }
    }
  };
  const ended = loop();
  return async () => {
    stopping.abort();
    await ended;
  };
}

function announce(result: TrainingResult, report: (line: string) => void): TrainingResult {
  if (result.kind === "fitted")
    report(`encoder ${result.encoder.slice(0, 12)} fitted from ${result.report.members} members`);
  else report(`fit failed (${result.error.code}: ${result.error.message})`);
  return result;
}

async function firstOf(failed: Promise<EngineError>, ready: Promise<unknown>): Promise<void> {
  const outcome = await Promise.race([failed, ready.then(() => undefined)]);
  if (outcome instanceof EngineError) throw outcome;
}
