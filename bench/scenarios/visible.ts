import { encodeReply } from "../../src/events/decode-request.ts";
import { withBareStreams } from "../harness/bare-ceilings.ts";
import { type Deployment, untilFolded } from "../harness/deployment.ts";
import type { EventStream } from "../harness/event-source.ts";
import { type IngestBeside, ingestNote, whileIngesting } from "../harness/ingest-load.ts";
import { runLoad } from "../harness/load-process.ts";
import type { LoadResult, VisibleTask } from "../harness/load-tasks.ts";
import { openLoopNote, percentilesSeries } from "../harness/request-figures.ts";
import type { Scenario, ScenarioContext } from "../harness/scenario.ts";
import { warmNode } from "../harness/warm-node.ts";

const PROBES_A_SECOND = 100;

/** How long an event takes until a score reflects it. */
export const visible: Scenario = {
  name: "visible",
  summary: "time from an event to a score that reflects it, while other events come in at a rate",
  ownsNodes: false,
  async run(context) {
    const { options } = context;
    const deployment = await context.deployment();
    const node = deployment.isOwned
      ? await deployment.startNode({ runtime: context.profiling("visible") })
      : undefined;
    const events = await deployment.events();
    await warmNode(context, deployment, events);
    const stores: LoadResult[] = [];
    const rounds: VisibleRound[] = [];
    for (let round = 0; round < context.sizes.rounds; round++) {
      context.progress(`round ${round + 1}: probes beside ${options.rate} events/s`);
      rounds.push(await probeBeside(context, deployment, events, round));
      stores.push(await storeBarely(context, deployment, round));
    }
    await events.close();
    await node?.stop();
    const at = `event to visible at ${options.rate} events/s`;
    for (const [name, of] of [
      ["p50", "p50Ms"],
      ["p99", "p99Ms"],
      ["p99.9", "p999Ms"],
    ] as const)
      context.measured({
        metric: `${name}, ${at}`,
        unit: "ms",
        rounds: rounds.map(({ probes }) => probes.latency[of]),
        ceiling: {
          name: `${name} of a bare acknowledged publish at the same rate, without other events`,
          rounds: stores.map(({ latency }) => latency[of]),
        },
        ...(name === "p99" ? { goal: { value: { atMost: 50 } } } : {}),
        ...(name === "p50" ? { note: openLoopNote(rounds.map(({ probes }) => probes)) } : {}),
      });
    context.measured({
      metric: `messages not folded at the end, ${at}`,
      unit: "messages",
      rounds: rounds.map(({ ingest }) => ingest.lag),
      note: ingestNote(rounds.map(({ ingest }) => ingest)),
    });
    const last = rounds.at(-1);
    if (last !== undefined) context.series(percentilesSeries(at, last.probes.latency));
  },
};

export type VisibleRound = Readonly<{ ingest: IngestBeside; probes: LoadResult }>;

/** Probes beside events at a rate; then the shards catch up. */
export async function probeBeside(
  { options, sizes }: ScenarioContext,
  deployment: Deployment,
  events: EventStream,
  round: number,
): Promise<VisibleRound> {
  const { url, prefix } = deployment;
  const { warmUpMs, durationMs } = sizes;
  const { ingest, beside } = await whileIngesting(
    deployment,
    events,
    { eventsPerSecond: options.rate, besideMs: warmUpMs + durationMs },
    (load) =>
      load.run({
        kind: "visible",
        url,
        prefix,
        events: probeEvents(deployment, round, warmUpMs + durationMs),
        perSecond: PROBES_A_SECOND,
        warmUpMs,
        durationMs,
      }),
  );
  await untilFolded(deployment.client);
  return { ingest, probes: beside };
}

/** The same events stored in a bare stream, each acknowledged. */
async function storeBarely(
  { options, sizes }: ScenarioContext,
  deployment: Deployment,
  round: number,
): Promise<LoadResult> {
  const { url } = deployment;
  const { warmUpMs, durationMs } = sizes;
  const subject = `${options.prefix.toUpperCase()}_BENCH_VISIBLE`;
  const probes = probeEvents(deployment, round, warmUpMs + durationMs);
  const requests = probes.map(({ data }) => ({ subject, data }));
  return withBareStreams(url, [subject], () =>
    runLoad({ kind: "open", url, requests, perSecond: PROBES_A_SECOND, warmUpMs, durationMs }),
  );
}

/** First events of users of whom nothing is held, in this deployment or an earlier run on it. */
function probeEvents({ folder }: Deployment, round: number, totalMs: number): VisibleTask["events"] {
  const run = folder === "" ? Date.now().toString(36) : "probe";
  return Array.from({ length: Math.ceil((PROBES_A_SECOND * totalMs) / 1_000) + 1 }, (_, i) => {
    const user = `${run}-${round}-${i}`;
    const event = { id: `e-${user}`, user, ts: Date.now(), type: "view", item: `item-${i % 50}` };
    return { user, data: encodeReply(event, "application/json") };
  });
}
