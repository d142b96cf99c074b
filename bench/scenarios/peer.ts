import { EngineError } from "../../src/kernel/engine-error.ts";
import type { Deployment } from "../harness/deployment.ts";
import { EventStream, type SentEvent } from "../harness/event-source.ts";
import { LatencyRecorder, type LatencySummary } from "../harness/latency-recorder.ts";
import { logEntry } from "../harness/log-entries.ts";
import { releaseInForce } from "../harness/release-in-force.ts";
import { percentilesSeries } from "../harness/request-figures.ts";
import type { Scenario, ScenarioContext } from "../harness/scenario.ts";
import { warmNode } from "../harness/warm-node.ts";
import { openPeer, type PeerEvent, type PeerPipeline } from "../peer/open-peer.ts";
import { type RedisServerBinary, redisServerBinary } from "../peer/redis-server-find.ts";
import { drainRounds } from "./drain.ts";
import { probeBeside } from "./visible.ts";

/** The setting closest to what the embedded NATS server does by default, in the pipeline's favour. */
const DURABILITY = "everysec";
/** Contexts that the workers keep: as many as a node does by default. */
const CACHED_USERS = 800_000;

/** The pipeline that a team would build instead, on the same events, with the same encoder and profiles. */
export const peer: Scenario = {
  name: "peer",
  summary: "drain and latency against a pipeline of Redis streams and hashes with Node workers, same work",
  ownsNodes: true,
  async run(context) {
    const redis = await redisOrSkip(context);
    if (redis === undefined) return;
    const deployment = await context.deployment();
    const node = await deployment.startNode();
    const release = await releaseInForce(deployment);
    await node.stop();
    const workers = context.options.threads;
    const cacheUsers = CACHED_USERS;
    const pipeline = await openPeer({ redis, durability: DURABILITY, release, workers, cacheUsers });
    try {
      for (const [name, version] of Object.entries(pipeline.versions)) context.version(name, version);
      await compareDrains(context, deployment, pipeline);
      await compareLatencies(context, deployment, pipeline);
    } finally {
      await pipeline.close();
    }
  },
};

async function redisOrSkip({ progress, skip }: ScenarioContext): Promise<RedisServerBinary | undefined> {
  try {
    return await redisServerBinary({ env: process.env, report: progress });
  } catch (thrown) {
    if (!(thrown instanceof EngineError)) throw thrown;
    skip(`there is no Redis server: ${thrown.message.split("\n")[0]}`);
    return undefined;
  }
}

async function compareDrains(
  context: ScenarioContext,
  deployment: Deployment,
  pipeline: PeerPipeline,
): Promise<void> {
  const { rounds, peerEvents: events, preparedEvents } = context.sizes;
  context.progress("the pipeline folds what the deployment was prepared with");
  const first = new EventStream(context.origin, { segments: context.options.segments });
  await pipeline.drain(peerEventsOf(await first.take(preparedEvents)));
  const ours = await deployment.events();
  const engine = await drainRounds(context, deployment, ours, { rounds, events });
  await ours.close();
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    context.progress(`round ${round + 1}: the pipeline`);
    rates.push((await pipeline.drain(peerEventsOf(await first.take(events)))).perSecond);
  }
  await first.close();
  const [folded, against] = [engine.whole, rates];
  context.measured({ metric: "drain by the engine", unit: "events/s", rounds: folded });
  const { redisBytes, workerBytes, users } = pipeline.memory();
  const mebibytes = Math.round((redisBytes + workerBytes) / 2 ** 20);
  context.measured({
    metric: "drain by the pipeline",
    unit: "events/s",
    rounds: against,
    note: `appendfsync ${DURABILITY}, NATS sync ${context.options.sync}; ${mebibytes} MiB of Redis and workers for ${users} users`,
  });
  context.measured({
    metric: "drain, engine to pipeline",
    unit: "x",
    rounds: folded.map((rate, round) => rate / (against[round] ?? Number.NaN)),
    goal: { value: { atLeast: 5 } },
  });
}

async function compareLatencies(
  context: ScenarioContext,
  deployment: Deployment,
  pipeline: PeerPipeline,
): Promise<void> {
  const { rounds, durationMs, peerEvents, preparedEvents } = context.sizes;
  const { rate } = context.options;
  const node = await deployment.startNode();
  const events = await deployment.events();
  await events.skip(rounds * peerEvents); // The drains' events are known by now.
  await warmNode(context, deployment, events);
  const ours: LatencySummary[] = [];
  for (let round = 0; round < rounds; round++) {
    context.progress(`round ${round + 1}: the engine at ${rate} events/s`);
    ours.push((await probeBeside(context, deployment, events, round)).probes.latency);
  }
  await events.close();
  await node.stop();
  const later = new EventStream(context.origin, { segments: context.options.segments });
  await later.skip(preparedEvents + rounds * peerEvents);
  const theirs: LatencySummary[] = [];
  for (let round = 0; round < rounds; round++) {
    context.progress(`round ${round + 1}: the pipeline at ${rate} events/s`);
    const warmUp = peerEventsOf(await later.take(Math.ceil(peerEvents / 5)));
    const sent = peerEventsOf(await later.take(Math.ceil((rate * durationMs) / 1_000)));
    const { latenciesMs } = await pipeline.openLoop({ warmUp, events: sent, perSecond: rate });
    theirs.push(summaryOf(latenciesMs));
  }
  await later.close();
  for (const [name, of] of [
    ["p50", "p50Ms"],
    ["p99", "p99Ms"],
  ] as const)
    context.measured({
      metric: `${name} at ${rate} events/s, event to visible in the engine`,
      unit: "ms",
      rounds: ours.map((latency) => latency[of]),
      ceiling: {
        name: "the pipeline's, from the time at which an event was due until its state was committed",
        rounds: theirs.map((latency) => latency[of]),
      },
      ...(name === "p99" ? { goal: { ratio: { atMost: 1 } } } : {}),
    });
  const [engine, other] = [ours.at(-1), theirs.at(-1)];
  if (engine !== undefined) context.series(percentilesSeries("engine, event to visible", engine));
  if (other !== undefined) context.series(percentilesSeries("pipeline, event to committed", other));
}

function peerEventsOf(events: readonly SentEvent[]): PeerEvent[] {
  const nowMs = Date.now();
  return events.map((event) => ({ user: event.user, data: logEntry(event, nowMs) }));
}

function summaryOf(latenciesMs: readonly Float64Array[]): LatencySummary {
  const recorder = new LatencyRecorder();
  for (const some of latenciesMs) for (const ms of some) recorder.record(ms);
  return recorder.summary();
}
