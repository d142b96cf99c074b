import { encodeReply } from "../../src/events/decode-request.ts";
import { withBareStreams } from "../harness/bare-ceilings.ts";
import { type Deployment, untilFolded } from "../harness/deployment.ts";
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
    const { options, sizes } = context;
    const deployment = await context.deployment();
    const node = deployment.isOwned
      ? await deployment.startNode({ runtime: context.profiling("visible") })
      : undefined;
    const events = await deployment.events();
    const { url, prefix } = deployment;
    const { warmUpMs, durationMs } = sizes;
    await warmNode(context, deployment, events);
    const stores: LoadResult[] = [];
    const rounds: { ingest: IngestBeside; probes: LoadResult }[] = [];
    for (let round = 0; round < sizes.rounds; round++) {
      context.progress(`round ${round + 1}: probes beside ${options.rate} events/s`);
      const probes = probeEvents(deployment, round, PROBES_A_SECOND * (warmUpMs + durationMs) * 0.001);
      const task = { kind: "visible", url, prefix, events: probes, perSecond: PROBES_A_SECOND } as const;
      const { ingest, beside } = await whileIngesting(
        deployment,
        events,
        { eventsPerSecond: options.rate, besideMs: warmUpMs + durationMs },
        () => runLoad({ ...task, warmUpMs, durationMs }),
      );
      rounds.push({ ingest, probes: beside });
      await untilFolded(deployment.client);
      stores.push(await storeBarely(context, url, probes));
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
      metric: `events not folded at the end, ${at}`,
      unit: "events",
      rounds: rounds.map(({ ingest }) => ingest.lag),
      note: ingestNote(rounds.map(({ ingest }) => ingest)),
    });
    const last = rounds.at(-1);
    if (last !== undefined) context.series(percentilesSeries(at, last.probes.latency));
  },
};

/** The same events stored in a bare stream, each acknowledged. */
async function storeBarely(
  { options, sizes }: ScenarioContext,
  url: string,
  probes: VisibleTask["events"],
): Promise<LoadResult> {
  const subject = `${options.prefix.toUpperCase()}_BENCH_VISIBLE`;
  const requests = probes.map(({ data }) => ({ subject, data }));
  const { warmUpMs, durationMs } = sizes;
  return withBareStreams(url, [subject], () =>
    runLoad({ kind: "open", url, requests, perSecond: PROBES_A_SECOND, warmUpMs, durationMs }),
  );
}

/** First events of users of whom nothing is held, in this deployment or an earlier run on it. */
function probeEvents({ folder }: Deployment, round: number, count: number): VisibleTask["events"] {
  const run = folder === "" ? Date.now().toString(36) : "probe";
  return Array.from({ length: Math.ceil(count) + 1 }, (_, i) => {
    const user = `${run}-${round}-${i}`;
    const event = { id: `e-${user}`, user, ts: Date.now(), type: "view", item: `item-${i % 50}` };
    return { user, data: encodeReply(event, "application/json") };
  });
}
