import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { consumeCeiling } from "../harness/bare-ceilings.ts";
import type { Deployment } from "../harness/deployment.ts";
import { logEntries } from "../harness/log-entries.ts";
import type { Scenario, ScenarioContext } from "../harness/scenario.ts";
import { watchDrain } from "../harness/watch-drain.ts";

/** Catching up with a log that was filled while no node ran. */
export const drain: Scenario = {
  name: "drain",
  summary: "a node starts and folds a log that was filled before: events a second, against bare consumers",
  ownsNodes: true,
  async run(context) {
    const { options, sizes } = context;
    const deployment = await context.deployment();
    const whole: number[] = [];
    const warm: number[] = [];
    const ceilings: number[] = [];
    let way: string | undefined;
    const events = await deployment.events();
    for (let round = 0; round < sizes.rounds; round++) {
      context.progress(`round ${round + 1}: appending ${sizes.drainEvents} events to the logs`);
      const streams = await appendEvents(deployment, await events.take(sizes.drainEvents));
      context.progress(`round ${round + 1}: bare consumers`);
      const ceiling = await consumeCeiling(
        deployment.url,
        streams,
        options.threads,
        way === undefined ? {} : { way },
      );
      ceilings.push(ceiling.perSecond);
      way = ceiling.way;
      context.progress(`round ${round + 1}: the node`);
      const drained = await drainOnce(context, deployment, streams);
      whole.push(drained.perSecond);
      warm.push(drained.secondHalfPerSecond);
      context.series({
        name: `round ${round + 1}`,
        kind: "over-time",
        xLabel: "seconds since the first progress",
        yLabel: "events/s",
        points: drained.overTime,
      });
    }
    await events.close();
    const ceiling = { name: `bare consume (${way})`, rounds: ceilings };
    context.measured({
      metric: "events folded and committed",
      unit: "events/s",
      rounds: whole,
      ceiling,
      goal: { ratio: { atLeast: 0.5 }, value: { atLeast: 100_000 } },
      note: `${sizes.drainEvents} events a round, from a node that has just started`,
    });
    context.measured({
      metric: "the same, second half of each round",
      unit: "events/s",
      rounds: warm,
      ceiling,
    });
  },
};

/** Starts a node, measures how it catches up, stops it, and checks that every event was counted. */
export async function drainOnce(
  context: Pick<ScenarioContext, "profiling">,
  deployment: Deployment,
  streams: readonly FilledStream[],
) {
  const node = deployment.spawnNode({ runtime: context.profiling("drain") });
  const drained = await watchDrain(deployment, streams, node.ready);
  await (await node.ready).stop();
  return drained;
}

/** What was put into a shard's log. */
export type FilledStream = Readonly<{ name: string; from: number; count: number }>;

const AT_ONCE = 1_000;

/** Puts events into the shards' logs, as a gateway would have. */
export async function appendEvents(
  deployment: Pick<Deployment, "url" | "shards" | "client">,
  events: Parameters<typeof logEntries>[0],
): Promise<FilledStream[]> {
  const connection = await connectNats({ servers: [deployment.url], name: "resonance bench append" });
  try {
    const log = await NatsLog.over(connection);
    return await Promise.all(
      logEntries(events, deployment.shards).map(async (messages, shard) => {
        const name = deployment.client.subjects.shardLog(shard);
        const { last } = await log.bounds(name);
        for (let at = 0; at < messages.length; at += AT_ONCE)
          await log.append(name, messages.slice(at, at + AT_ONCE));
        const stored = (await log.bounds(name)).last - last;
        if (stored !== messages.length)
          throw new Error(`${name} took ${stored} of ${messages.length} events`);
        return { name, from: last + 1, count: messages.length };
      }),
    );
  } finally {
    await connection.close();
  }
}
