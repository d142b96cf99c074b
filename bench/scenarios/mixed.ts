import { whileEchoing } from "../harness/bare-ceilings.ts";
import { untilFolded } from "../harness/deployment.ts";
import { type IngestBeside, ingestNote, whileIngesting } from "../harness/ingest-load.ts";
import { runLoad } from "../harness/load-process.ts";
import type { EncodedRequest, LoadResult } from "../harness/load-tasks.ts";
import { openLoopNote, percentilesSeries } from "../harness/request-figures.ts";
import type { Scenario, ScenarioContext } from "../harness/scenario.ts";
import { answeredWays, type ScoreWay, scoreRequests } from "../harness/score-requests.ts";
import { warmNode } from "../harness/warm-node.ts";

/** Scores at a rate while events come in at a rate. */
export const mixed: Scenario = {
  name: "mixed",
  summary: "latency of scores at a rate while events come in at a rate",
  ownsNodes: false,
  async run(context) {
    const { options, sizes } = context;
    const deployment = await context.deployment();
    const node = deployment.isOwned
      ? await deployment.startNode({ runtime: context.profiling("mixed") })
      : undefined;
    const events = await deployment.events();
    const { url } = deployment;
    await warmNode(context, deployment, events);
    const echoes: LoadResult[] = [];
    for (const { way } of await answeredWays(deployment, options.via, context.skip)) {
      const rounds: MixedRound[] = [];
      const requests = scoreRequests(deployment, way);
      const { warmUpMs, durationMs } = sizes;
      for (let round = 0; round < sizes.rounds; round++) {
        context.progress(`round ${round + 1}: scores through the ${way} beside ${options.rate} events/s`);
        const open = { kind: "open", url, requests, perSecond: options.scoreRate } as const;
        const { ingest, beside } = await whileIngesting(
          deployment,
          events,
          { eventsPerSecond: options.rate, besideMs: warmUpMs + durationMs },
          (load) => load.run({ ...open, warmUpMs, durationMs }),
        );
        rounds.push({ ingest, scores: beside });
        await untilFolded(deployment.client);
        if (echoes.length <= round) echoes.push(await echoAtRate(context, url, requests));
      }
      report(context, way, rounds, echoes);
    }
    await events.close();
    await node?.stop();
  },
};

/** A bare echo of the same requests at the same rate, with nothing beside it. */
function echoAtRate(
  { options, sizes }: ScenarioContext,
  url: string,
  scores: readonly EncodedRequest[],
): Promise<LoadResult> {
  const subject = `${options.prefix}-bench.echo`;
  const requests = scores.map(({ data }) => ({ subject, data }));
  const { warmUpMs, durationMs } = sizes;
  return whileEchoing({ url, subject }, () =>
    runLoad({ kind: "open", url, requests, perSecond: options.scoreRate, warmUpMs, durationMs }),
  );
}

type MixedRound = Readonly<{ ingest: IngestBeside; scores: LoadResult }>;

function report(
  context: ScenarioContext,
  way: ScoreWay,
  rounds: readonly MixedRound[],
  echoes: readonly LoadResult[],
): void {
  const { rate, scoreRate } = context.options;
  const through = way === "gateway" ? "through the gateway" : "to the shard";
  const at = `score ${through} at ${scoreRate}/s beside ${rate} events/s`;
  const figures = [
    { name: "p50", of: "p50Ms", goal: {}, note: openLoopNote(rounds.map(({ scores }) => scores)) },
    { name: "p99", of: "p99Ms", goal: { goal: { value: { atMost: 5 } } } },
    { name: "p99.9", of: "p999Ms", goal: { goal: { value: { atMost: 20 } } } },
  ] as const;
  for (const { name, of, goal, ...more } of figures)
    context.measured({
      metric: `${name}, ${at}`,
      unit: "ms",
      rounds: rounds.map(({ scores }) => scores.latency[of]),
      ceiling: {
        name: `${name} of a bare echo at the same rate, without events`,
        rounds: echoes.map(({ latency }) => latency[of]),
      },
      ...goal,
      ...("note" in more ? { note: more.note } : {}),
    });
  context.measured({
    metric: `messages not folded at the end, ${at}`,
    unit: "messages",
    rounds: rounds.map(({ ingest }) => ingest.lag),
    note: ingestNote(rounds.map(({ ingest }) => ingest)),
  });
  context.measured({
    metric: `p99 of the acknowledgement of events, ${at}`,
    unit: "ms",
    rounds: rounds.map(({ ingest }) => ingest.result.latency.p99Ms),
  });
  const last = rounds.at(-1);
  if (last === undefined) return;
  context.series(percentilesSeries(at, last.scores.latency));
  context.series({
    name: `${at}, by second`,
    kind: "over-time",
    xLabel: "seconds",
    yLabel: "p99, ms",
    points: last.scores.bySecond.map(({ second, p99Ms }) => [second, p99Ms] as const),
  });
}
