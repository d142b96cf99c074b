import { appendEvents, type FilledStream, REQUEST_EVENTS } from "../harness/append-events.ts";
import { consumeCeiling } from "../harness/bare-ceilings.ts";
import type { Deployment } from "../harness/deployment.ts";
import type { EventStream } from "../harness/event-source.ts";
import { type CoresUsed, coresText, servingProcesses } from "../harness/process-cores.ts";
import type { Scenario, ScenarioContext } from "../harness/scenario.ts";
import { type Drained, watchDrain } from "../harness/watch-drain.ts";

/** Catching up with a log that was filled while no node ran. */
export const drain: Scenario = {
  name: "drain",
  summary: "a node starts and folds a log that was filled before: events a second, against bare consumers",
  ownsNodes: true,
  async run(context) {
    const { rounds, drainEvents } = context.sizes;
    const deployment = await context.deployment();
    const events = await deployment.events();
    for (const requestEvents of [REQUEST_EVENTS, 1]) {
      const given = { rounds, events: drainEvents, requestEvents };
      report(context, requestEvents, await drainRounds(context, deployment, events, given));
    }
    await events.close();
  },
};

function report(context: ScenarioContext, requestEvents: number, found: DrainRounds): void {
  const came = requestEvents === 1 ? "came one by one" : `came in requests of ${requestEvents}`;
  const ceiling = { name: `bare consume of the same streams (${found.way})`, rounds: found.ceilings };
  context.measured({
    metric: `events folded and committed that ${came}`,
    unit: "events/s",
    rounds: found.whole,
    ceiling,
    goal: { ratio: { atLeast: 0.5 }, value: { atLeast: 100_000 } },
    note: `${context.sizes.drainEvents} events a round, from a node that has just started; ${coresText(found.cores)}`,
  });
  context.measured({
    metric: `the same, second half of each round, ${came}`,
    unit: "events/s",
    rounds: found.secondHalves,
    ceiling,
  });
  for (const [round, points] of found.overTime.entries())
    context.series({
      name: `round ${round + 1}, ${came}`,
      kind: "over-time",
      xLabel: "seconds since the first progress",
      yLabel: "events/s",
      points,
    });
}

/** Figures of some drains, events a second, one a round. */
export type DrainRounds = Readonly<{
  whole: readonly number[];
  secondHalves: readonly number[];
  ceilings: readonly number[];
  /** How the ceiling was reached. */
  way: string;
  cores: CoresUsed;
  overTime: readonly Drained["overTime"][];
}>;

/** Fills the logs, measures bare consumers, then a node that starts on them; again and again. */
export async function drainRounds(
  context: Pick<ScenarioContext, "options" | "profiling" | "progress">,
  deployment: Deployment,
  events: EventStream,
  given: Readonly<{
    rounds: number;
    events: number;
    requestEvents?: number;
    nodeOptions?: readonly string[];
  }>,
): Promise<DrainRounds> {
  const drained: Drained[] = [];
  const ceilings: number[] = [];
  let way: string | undefined;
  for (let round = 0; round < given.rounds; round++) {
    context.progress(`round ${round + 1}: appending ${given.events} events to the logs`);
    const streams = await appendEvents(deployment, await events.take(given.events), given.requestEvents);
    context.progress(`round ${round + 1}: bare consumers`);
    const only = way === undefined ? {} : { way };
    const ceiling = await consumeCeiling(deployment.url, streams, context.options.threads, only);
    const messages = streams.reduce((sum, { count }) => sum + count, 0);
    ceilings.push((ceiling.perSecond * given.events) / messages);
    way = ceiling.way;
    context.progress(`round ${round + 1}: the node`);
    drained.push(await drainOnce(context, deployment, streams, given.nodeOptions ?? []));
  }
  return {
    whole: drained.map(({ perSecond }) => perSecond),
    secondHalves: drained.map(({ secondHalfPerSecond }) => secondHalfPerSecond),
    ceilings,
    way: way ?? "",
    cores: drained.at(-1)?.cores ?? {},
    overTime: drained.map(({ overTime }) => overTime),
  };
}

/** Starts a node, measures how it catches up, and stops it. */
async function drainOnce(
  context: Pick<ScenarioContext, "profiling">,
  deployment: Deployment,
  streams: readonly FilledStream[],
  options: readonly string[],
): Promise<Drained> {
  const node = deployment.spawnNode({ options, runtime: context.profiling("drain") });
  const pids = servingProcesses(deployment, node.pid);
  const drained = await watchDrain(deployment, streams, pids, node.ready).catch((cause: Error) => {
    throw new Error(`${cause.message}; the node said: ${node.said.join("; ")}`, { cause });
  });
  await (await node.ready).stop();
  return drained;
}
