import { setTimeout as sleep } from "node:timers/promises";
import { shardOf } from "../../src/kernel/hash.ts";
import { type DrainRate, drainRate, type Mark } from "./drain-rate.ts";
import type { PeerRelease } from "./peer-fold.ts";
import { contextsKey, GROUP, monotonicMs, streamKey } from "./peer-keys.ts";
import { connectRedis, type RedisConnection, type RedisWord } from "./redis-client.ts";
import type { RedisServerBinary } from "./redis-server-find.ts";
import { type RedisDurability, runRedisServer } from "./redis-server-run.ts";
import { startWorker, type WorkerProcess } from "./worker-process.ts";

/** An event as both sides are given it: `data` is a log entry, as `encodeEntry` makes it. */
export type PeerEvent = Readonly<{ user: string; data: Uint8Array }>;

/** What a pipeline is opened with. */
export type PeerOptions = Readonly<{
  redis: RedisServerBinary;
  durability: RedisDurability;
  /** The encoder and the profiles that the engine scores with in the same run. */
  release: PeerRelease;
  /** Worker processes, each with a partition of its own. */
  workers: number;
  /**
   * Contexts that all workers together keep between batches; none if left out. Measured on the Globo clicks in turns, two
   * workers, 120,000 events a round: 43,000 to 66,000 events/s without a cache (median 61,000), 40,000 to 53,000 with one
   * of 800,000 (median 52,000). States are small and few users come again soon, so that what is kept costs the collector
   * of garbage more than a read saves; and without it, any worker may take over a partition.
   */
  cacheUsers?: number;
}>;

/** What the pipeline takes in memory. */
export type PeerMemory = Readonly<{
  users: number;
  /** Of redis-server, its log of events emptied. */
  redisBytes: number;
  /** Of the workers' processes. */
  workerBytes: number;
  /** What Redis takes for a user's state: its own count of the hashes' bytes. */
  stateBytesAUser: number;
}>;

/** What is sent in an open loop. */
export type PeerOpenLoop = Readonly<{
  /** Worked through before, as fast as it goes. */
  warmUp: readonly PeerEvent[];
  events: readonly PeerEvent[];
  perSecond: number;
}>;

/** An open loop's outcome. */
export type PeerLatencies = Readonly<{
  /** From the time at which each event was due until its state was committed. */
  latenciesMs: readonly Float64Array[];
  /** Events a second that were sent. */
  sentPerSecond: number;
  /** The longest that sending fell behind its schedule. */
  lateMsMax: number;
}>;

/** The pipeline that a team would build instead: Redis streams and hashes, and workers in Node. */
export type PeerPipeline = Readonly<{
  /** Versions of server and client, for the result. */
  versions: Readonly<Record<string, string>>;
  /** Fills the streams, starts workers, measures how they catch up, stops them. States stay. */
  drain(events: readonly PeerEvent[]): Promise<DrainRate>;
  /** Sends events at a rate to workers that have worked through the warm-up before. */
  openLoop(given: PeerOpenLoop): Promise<PeerLatencies>;
  /** With workers that hold what they cached in the last run. */
  memory(): PeerMemory;
  close(): Promise<void>;
}>;

/** Entries that a worker reads at a time: larger batches catch up faster, smaller ones answer sooner. */
const BATCH_EVENTS = { drain: 4_000, drainLeast: 100, openLoop: 1_000 } as const;
/** A drain of few events takes smaller batches, so that there is progress to be seen. */
const BATCHES_MIN = 8;
const AT_ONCE = 1_000;
const TICK_MS = 1;
/** A pipeline that makes no progress for so long is broken. */
const STILL_MS_MAX = 30_000;

/** Starts a Redis server of its own, empty, with streams and a consumer group. Nothing is left of it once closed. */
export async function openPeer(options: PeerOptions): Promise<PeerPipeline> {
  const server = await runRedisServer(options.redis, options.durability);
  try {
    const redis = await connectRedis(server);
    for (let partition = 0; partition < options.workers; partition++)
      await redis.send(["XGROUP", "CREATE", streamKey(partition), GROUP, "$", "MKSTREAM"]);
    const peer = new Peer(options, server, redis);
    return {
      versions: { "redis-server": `${server.version} (${options.redis.source})` },
      drain: (events) => peer.drain(events),
      openLoop: (given) => peer.openLoop(given),
      memory: () => peer.memory,
      async close() {
        redis.close();
        await server.stop();
      },
    };
  } catch (thrown) {
    await server.stop();
    throw thrown;
  }
}

class Peer {
  readonly #options: PeerOptions;
  readonly #at: { readonly host: string; readonly port: number };
  readonly #redis: RedisConnection;
  memory: PeerMemory = { users: 0, redisBytes: 0, workerBytes: 0, stateBytesAUser: 0 };

  constructor(options: PeerOptions, at: { host: string; port: number }, redis: RedisConnection) {
    this.#options = options;
    this.#at = at;
    this.#redis = redis;
  }

  async drain(events: readonly PeerEvent[]): Promise<DrainRate> {
    await this.#settle();
    await this.#appendAll(events);
    const { drain: most, drainLeast: least } = BATCH_EVENTS;
    const wanted = Math.ceil(events.length / this.#options.workers / BATCHES_MIN);
    const run = await this.#start(Math.max(least, Math.min(most, wanted)));
    await run.until(events.length);
    await this.#finish(run);
    return drainRate(run.marks);
  }

  async openLoop({ warmUp, events, perSecond }: PeerOpenLoop): Promise<PeerLatencies> {
    await this.#settle();
    const run = await this.#start(BATCH_EVENTS.openLoop);
    await this.#appendAll(warmUp);
    await run.until(warmUp.length);
    const beganMs = monotonicMs();
    const failed: unknown[] = [];
    let lateMsMax = 0;
    let sent = 0;
    while (sent < events.length) {
      for (const nowMs = monotonicMs(); sent < events.length; sent++) {
        const dueMs = beganMs + (sent * 1_000) / perSecond;
        const event = events[sent];
        if (dueMs > nowMs || event === undefined) break;
        lateMsMax = Math.max(lateMsMax, nowMs - dueMs);
        this.#append(event, dueMs).catch((thrown: unknown) => failed.push(thrown));
      }
      await sleep(TICK_MS);
    }
    const tookMs = monotonicMs() - beganMs;
    await run.until(warmUp.length + events.length);
    if (failed.length > 0) throw failed[0];
    const latenciesMs = await this.#finish(run);
    return { latenciesMs, sentPerSecond: (events.length * 1_000) / tookMs, lateMsMax };
  }

  async #appendAll(events: readonly PeerEvent[]): Promise<void> {
    for (let at = 0; at < events.length; at += AT_ONCE)
      await Promise.all(events.slice(at, at + AT_ONCE).map((event) => this.#append(event)));
  }

  #append({ user, data }: PeerEvent, dueMs?: number): Promise<unknown> {
    const words: RedisWord[] = ["XADD", streamKey(shardOf(user, this.#options.workers)), "*", "d"];
    words.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    if (dueMs !== undefined) words.push("t", dueMs.toFixed(3));
    return this.#redis.send(words);
  }

  /** Empties the streams and rewrites the log of writes, so that neither's growth falls into what is measured. */
  async #settle(): Promise<void> {
    for (let partition = 0; partition < this.#options.workers; partition++)
      await this.#redis.send(["XTRIM", streamKey(partition), "MAXLEN", "0"]);
    await this.#redis.send(["BGREWRITEAOF"]);
    const isRewriting = async () =>
      /aof_rewrite_(in_progress|scheduled):1/.test(await this.#info("persistence"));
    while (await isRewriting()) await sleep(50);
  }

  async #start(batchEvents: number): Promise<Run> {
    const { workers, cacheUsers = 0, release } = this.#options;
    const run = new Run(workers);
    const { host, port } = this.#at;
    const cached = Math.ceil(cacheUsers / workers);
    run.workers = await Promise.all(
      Array.from({ length: workers }, (_, partition) =>
        startWorker(
          { host, port, partition, batchEvents, cacheUsers: cached, release },
          run.listener(partition),
        ),
      ),
    );
    return run;
  }

  /** Notes the memory, ends the workers, and checks that every event counted once. @returns Their latencies. */
  async #finish(run: Run): Promise<readonly Float64Array[]> {
    const reports = await Promise.all(run.workers.map((worker) => worker.report()));
    await this.#noteMemory(reports.reduce((sum, { residentBytes }) => sum + residentBytes, 0));
    await Promise.all(run.workers.map((worker) => worker.stop()));
    const repeats = reports.reduce((sum, one) => sum + one.repeats, 0);
    if (repeats > 0) throw new Error(`${repeats} events were taken for repeats by the pipeline`);
    return reports.map(({ latenciesMs }) => latenciesMs);
  }

  async #noteMemory(workerBytes: number): Promise<void> {
    let users = 0;
    let stateBytes = 0;
    for (let partition = 0; partition < this.#options.workers; partition++) {
      await this.#redis.send(["XTRIM", streamKey(partition), "MAXLEN", "0"]);
      users += (await this.#redis.send(["HLEN", contextsKey(partition)])) as number;
      const usage = await this.#redis.send(["MEMORY", "USAGE", contextsKey(partition), "SAMPLES", "1000"]);
      stateBytes += (usage as number | null) ?? 0;
    }
    await this.#redis.send(["MEMORY", "PURGE"]); // What the emptied streams took is given back.
    const memory = await this.#info("memory");
    const redisBytes = Number(/used_memory_rss:(\d+)/.exec(memory)?.[1] ?? Number.NaN);
    this.memory = { users, redisBytes, workerBytes, stateBytesAUser: stateBytes / Math.max(1, users) };
  }

  async #info(section: string): Promise<string> {
    return String(await this.#redis.send(["INFO", section]));
  }
}

/** Workers at work, and how far they are. */
class Run {
  readonly marks: Mark[] = [];
  workers: readonly WorkerProcess[] = [];
  readonly #done: number[];
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(workers: number) {
    this.#done = Array.from({ length: workers }, () => 0);
  }

  listener(partition: number) {
    return {
      progress: (events: number, atMs: number): void => {
        this.#done[partition] = events;
        this.marks.push({ atMs, events: this.#done.reduce((sum, one) => sum + one, 0) });
        this.#wake();
      },
      failed: (error: Error): void => {
        this.#failure = error;
        this.#wake();
      },
    };
  }

  /** Resolves once so many events are committed. */
  async until(events: number): Promise<void> {
    while ((this.marks.at(-1)?.events ?? 0) < events) {
      if (this.#failure !== undefined) throw this.#failure;
      const before = this.marks.length;
      await new Promise<void>((resolve) => {
        const patience = setTimeout(resolve, STILL_MS_MAX);
        this.#wake = () => {
          clearTimeout(patience);
          resolve();
        };
      });
      if (this.marks.length === before && this.#failure === undefined)
        throw new Error(`the pipeline stands still at ${this.marks.at(-1)?.events ?? 0} of ${events} events`);
    }
  }
}
