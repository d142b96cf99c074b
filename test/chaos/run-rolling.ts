import { mkdtemp } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { NatsServerBinary } from "../../src/adapters/nats-server-find.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import type { IngestReply } from "../../src/gateway/ingest.ts";
import { EngineError, fromWireError } from "../../src/kernel/engine-error.ts";
import { encode } from "../../src/kernel/msgpack.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { definitionsFile } from "../integration/node-client.ts";
import { ChaosNode } from "./chaos-node.ts";
import { untilAtRest } from "./cluster-state.ts";
import { type OpenLoop, startOpenLoop } from "./open-loop.ts";
import { startProcessGuard } from "./process-guard.ts";
import { startServers } from "./servers.ts";

/** What a rolling restart is made of. */
export type RollingOptions = Readonly<{
  binary: NatsServerBinary;
  servers: number;
  nodes: number;
  shards: number;
  /** Events a second, sent in batches of so many, and scores a second. */
  rate: number;
  batch: number;
  scores: number;
  /** What a client waits for a score, ms; within 2.5 s it asks once, later again. */
  scoreTimeoutMs: number;
  /** How often each node is restarted. */
  rounds: number;
  /** How long the load runs before the first restart, for numbers to compare with, ms. */
  steadyMs: number;
  seed: number;
}>;

/** Latencies as a client sees them, ms. */
export type Seen = Readonly<{
  requests: number;
  failed: number;
  p50: number | null;
  p99: number | null;
  worst: number;
}>;

/** What clients saw of a rolling restart: `failed` must be 0. */
export type RollingResult = Readonly<{
  restarts: number;
  requests: number;
  failed: number;
  scoreP50: number | null;
  scoreP99: number | null;
  worst: number;
  ingest: Seen & Readonly<{ events: number }>;
  /** The same before the first restart. */
  steady: Readonly<{ score: Seen; ingest: Seen }>;
  /** From the signal to the end of the process. */
  handOverMs: Readonly<{ median: number | null; worst: number | null }>;
  natsVersion: string;
  /** Of the last minute, before and after: other programs use the machine too. */
  loadAverage: readonly [before: number, after: number];
  failures: readonly string[];
}>;

const VISITORS = 20_000;
const STANDBYS = 1;
const INGEST_TIMEOUT_MS = 10_000;
const TRAINING_TIMEOUT_MS = 60_000;
const REST_PATIENCE_MS = 120_000;

/** Restarts every node of a cluster in turn, in order, while clients send requests at the times of a schedule. */
export async function runRolling(
  options: RollingOptions,
  report: (line: string) => void,
): Promise<RollingResult> {
  const folder = await mkdtemp(join(tmpdir(), "resonance-rolling-"));
  const guard = startProcessGuard(folder);
  const closers: (() => Promise<unknown>)[] = [() => guard.close()];
  try {
    const loadBefore = loadavg()[0] ?? 0;
    const servers = await startServers(options.binary, options.servers, { folder, guard });
    closers.push(() => servers.stop());
    const shop = shopSimulator({ seed: options.seed, visitors: VISITORS, startMs: Date.UTC(2026, 0, 5) });
    const segments = await definitionsFile(folder, shop.definitions);
    const up = [
      ...["--segments", segments, "--shards", String(options.shards), "--standbys", String(STANDBYS)],
      "--no-refit", // Fitted once, below: a shop that has just opened would be fitted every few seconds.
    ];
    const nodes = await Promise.all(
      Array.from({ length: options.nodes }, (_, n) =>
        ChaosNode.make({
          name: `n${n}`,
          folder: join(folder, `n${n}`),
          servers: servers.urls,
          isWired: false,
          options: up,
          guard,
          report,
        }),
      ),
    );
    for (const node of nodes) closers.push(() => node.close());
    await Promise.all(nodes.map((node) => node.start()));
    const client = await connectClient(
      { nats: servers.urls.join(","), data: "", prefix: "resonance" },
      "rolling",
    );
    closers.push(() => client.close());
    const rest = {
      nodes: options.nodes,
      shards: options.shards,
      standbys: STANDBYS,
      timeoutMs: REST_PATIENCE_MS,
    };
    const atRest = async (): Promise<void> => {
      const state = await untilAtRest(() => client, rest);
      if (typeof state === "string") throw new Error(`the cluster did not come to rest: ${state}`);
    };
    await atRest();

    const users: string[] = [];
    const known = new Set<string>();
    const random = seededRandom(options.seed + 1);
    const take = () => {
      const event = toWire(shop.next());
      if (!known.has(event.user)) users.push(event.user);
      known.add(event.user);
      return event;
    };
    const ingest = startOpenLoop(options.rate / options.batch, () =>
      sendBatch(client, Array.from({ length: options.batch }, take)),
    );
    const scores = startOpenLoop(options.scores, async () => {
      const user = users[Math.floor(random() * users.length)] ?? "nobody yet";
      await client.ask("score", { user }, options.scoreTimeoutMs);
    });
    await sleep(options.steadyMs / 2);
    await train(client);
    await sleep(options.steadyMs / 2); // Code that runs for the first time is slow.
    for (const loop of [ingest, scores]) loop.restartClock();
    await sleep(options.steadyMs / 2);
    const steady = { score: seenBy(scores), ingest: seenBy(ingest) };
    report(`steady: score p50 ${steady.score.p50} ms, p99 ${steady.score.p99} ms`);
    for (const loop of [ingest, scores]) loop.restartClock();

    const handOversMs: number[] = [];
    for (let restart = 0; restart < options.rounds * options.nodes; restart++) {
      const node = nodes[restart % options.nodes]!;
      const beganMs = performance.now();
      const status = await node.stop();
      handOversMs.push(performance.now() - beganMs);
      if (status !== 0) throw new Error(`${node.name} ended with ${status}`);
      await node.start();
      await atRest();
      const { p99, worst, failed } = seenBy(scores);
      report(
        `${node.name} stopped within ${Math.round(handOversMs.at(-1) ?? 0)} ms, is back after ${Math.round(performance.now() - beganMs)} ms: score p99 ${p99} ms, worst ${worst} ms, ${failed} failed`,
      );
    }
    await Promise.all([ingest.stop(), scores.stop()]);
    const sorted = handOversMs.sort((a, b) => a - b).map(Math.round);
    const [score, ingested] = [seenBy(scores), seenBy(ingest)];
    return {
      restarts: sorted.length,
      requests: score.requests + ingested.requests,
      failed: score.failed + ingested.failed,
      scoreP50: score.p50,
      scoreP99: score.p99,
      worst: score.worst,
      ingest: { ...ingested, events: ingested.requests * options.batch },
      steady,
      handOverMs: {
        median: sorted[Math.floor((sorted.length - 1) / 2)] ?? null,
        worst: sorted.at(-1) ?? null,
      },
      natsVersion: servers.version,
      loadAverage: [loadBefore, loadavg()[0] ?? 0],
      failures: [...scores.failures, ...ingest.failures].map(
        ([failure, count]) => `${count} times ${failure}`,
      ),
    };
  } finally {
    for (const close of closers.reverse()) await close().catch((thrown) => report(`closing: ${thrown}`));
  }
}

/** Fits the encoder once. */
async function train(client: Client): Promise<void> {
  const subject = client.subjects.profileActor("train");
  const reply = await client.bus.request(subject, encode({}), { timeoutMs: TRAINING_TIMEOUT_MS });
  if (reply.error !== undefined) throw fromWireError(reply.error);
}

/** One request; what is refused has failed. */
async function sendBatch(client: Client, events: readonly unknown[]): Promise<void> {
  const { refused } = (await client.ask("ingest", { events }, INGEST_TIMEOUT_MS)) as IngestReply;
  const [first] = refused;
  if (first === undefined) return;
  const message = `${refused.length} events were refused`;
  throw new EngineError({ code: first.code, message, retryable: true });
}

function seenBy(loop: OpenLoop): Seen {
  const { p50, p99 } = loop.latencies().summary();
  const failed = [...loop.failures.values()].reduce((sum, count) => sum + count, 0);
  return { requests: loop.requests(), failed, p50, p99, worst: Math.round(loop.worstMs()) };
}
