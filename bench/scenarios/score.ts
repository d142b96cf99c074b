import { whileEchoing } from "../harness/bare-ceilings.ts";
import type { Deployment } from "../harness/deployment.ts";
import { runLoad } from "../harness/load-process.ts";
import type { EncodedRequest, LoadResult } from "../harness/load-tasks.ts";
import { type CoresUsed, coresText, servingProcesses, watchCores } from "../harness/process-cores.ts";
import {
  answeredPerSecond,
  openLoopNote,
  percentilesSeries,
  refuseFailures,
} from "../harness/request-figures.ts";
import type { Scenario, ScenarioContext } from "../harness/scenario.ts";
import { answeredWays, type ScoreWay, scoreRequests } from "../harness/score-requests.ts";
import { warmNode } from "../harness/warm-node.ts";

/** Scores of users who are held: as many as possible, one after the other, and at a rate. */
export const score: Scenario = {
  name: "score",
  summary: "scores: closed loop, in sequence and at a rate, against a bare echo of the same bytes",
  ownsNodes: false,
  async run(context) {
    const deployment = await context.deployment();
    const node = deployment.isOwned
      ? await deployment.startNode({ runtime: context.profiling("score") })
      : undefined;
    const ways = await answeredWays(deployment, context.options.via, context.skip);
    const replyBytes = ways[0]?.replyBytes ?? 0;
    const events = await deployment.events();
    await warmNode(context, deployment, events);
    await events.close();
    const pids = servingProcesses(deployment, ...(node === undefined ? [] : [node.pid]));
    const echoes = newFigures();
    const sized: number[] = [];
    const found = new Map(ways.map(({ way }) => [way, newFigures()] as const));
    for (let round = 0; round < context.sizes.rounds; round++) {
      context.progress(`round ${round + 1}: bare echo`);
      sized.push(await measureEcho(context, deployment, replyBytes, echoes));
      for (const [way, figures] of found) {
        context.progress(`round ${round + 1}: scores through the ${way}`);
        await measureScores(context, deployment, pids, scoreRequests(deployment, way), figures);
      }
    }
    await node?.stop();
    for (const [way, figures] of found) report(context, way, figures, echoes);
    context.measured({
      metric: `bare echo with replies of ${replyBytes} bytes, ${context.options.inFlight} in flight`,
      unit: "requests/s",
      rounds: sized,
    });
  },
};

/** Who sends the requests, and how that is told. */
const CLIENTS = [
  { client: "lean", by: "" },
  { client: "library", by: ", asked by the client library's own requests" },
] as const;
type ClientName = (typeof CLIENTS)[number]["client"];

type Figures = Readonly<{
  many: Record<ClientName, LoadResult[]>;
  sequence: Record<ClientName, LoadResult[]>;
  open: LoadResult[];
  /** While as many as possible were asked, by the lean client. */
  cores: CoresUsed[];
}>;

function newFigures(): Figures {
  return { many: { lean: [], library: [] }, sequence: { lean: [], library: [] }, open: [], cores: [] };
}

/** @returns Requests a second of an echo whose replies are as long as the scores'. */
async function measureEcho(
  context: ScenarioContext,
  { url, prefix, ...deployment }: Deployment,
  replyBytes: number,
  echoes: Figures,
): Promise<number> {
  const subject = `${prefix}-bench.echo`;
  const same = scoreRequests({ prefix, ...deployment }, "gateway").map(({ data }) => ({ subject, data }));
  await whileEchoing({ url, subject }, () => measureClosed(context, url, same, echoes));
  return whileEchoing({ url, subject, replyBytes }, async () =>
    answeredPerSecond(await closed(context, url, same, context.options.inFlight, "lean")),
  );
}

async function measureScores(
  context: ScenarioContext,
  { url }: Deployment,
  pids: Readonly<Record<string, number>>,
  requests: readonly EncodedRequest[],
  figures: Figures,
): Promise<void> {
  await measureClosed(context, url, requests, figures, pids);
  const { warmUpMs, durationMs } = context.sizes;
  const perSecond = context.options.scoreRate;
  figures.open.push(await runLoad({ kind: "open", url, requests, perSecond, warmUpMs, durationMs }));
}

async function measureClosed(
  context: ScenarioContext,
  url: string,
  requests: readonly EncodedRequest[],
  figures: Figures,
  pids: Readonly<Record<string, number>> = {},
): Promise<void> {
  for (const { client } of CLIENTS) {
    figures.sequence[client].push(await closed(context, url, requests, 1, client));
    const coresUsed = await watchCores(pids);
    const many = await closed(context, url, requests, context.options.inFlight, client);
    if (client === "lean") figures.cores.push({ ...(await coresUsed()), generator: many.cores });
    figures.many[client].push(many);
  }
}

async function closed(
  { sizes }: ScenarioContext,
  url: string,
  requests: readonly EncodedRequest[],
  inFlight: number,
  client: ClientName,
): Promise<LoadResult> {
  const { warmUpMs, durationMs } = sizes;
  const result = await runLoad({ kind: "closed", url, requests, inFlight, warmUpMs, durationMs, client });
  refuseFailures(result);
  return result;
}

function report(context: ScenarioContext, way: ScoreWay, figures: Figures, echoes: Figures): void {
  const { inFlight, scoreRate } = context.options;
  const through = way === "gateway" ? "through the gateway" : "to the shard";
  for (const { client, by } of CLIENTS) {
    const many = figures.many[client];
    context.measured({
      metric: `${inFlight} in flight, ${through}${by}`,
      unit: "requests/s",
      rounds: many.map(answeredPerSecond),
      ceiling: {
        name: `bare echo of the same request bytes${by}`,
        rounds: echoes.many[client].map(answeredPerSecond),
      },
      goal: { ratio: { atLeast: 0.5 } },
      note: `p99 ${Math.max(...many.map(({ latency }) => latency.p99Ms)).toFixed(1)} ms at that load${client === "lean" ? `; ${coresText(figures.cores.at(-1) ?? {})}` : ""}`,
    });
    context.measured({
      metric: `p50 in sequence, ${through}${by}`,
      unit: "ms",
      rounds: figures.sequence[client].map(({ latency }) => latency.p50Ms),
      ceiling: {
        name: `p50 of a bare echo of the same request bytes${by}`,
        rounds: echoes.sequence[client].map(({ latency }) => latency.p50Ms),
      },
      goal: { ratio: { atMost: 1.6 } },
    });
  }
  for (const [name, of] of [
    ["p50", "p50Ms"],
    ["p99", "p99Ms"],
    ["p99.9", "p999Ms"],
  ] as const)
    context.measured({
      metric: `${name} at ${scoreRate}/s, ${through}`,
      unit: "ms",
      rounds: figures.open.map(({ latency }) => latency[of]),
      ...(name === "p50" ? { note: openLoopNote(figures.open) } : {}),
    });
  for (const [name, results] of [
    [`${inFlight} in flight, ${through}`, figures.many.lean],
    [`in sequence, ${through}`, figures.sequence.lean],
    [`at ${scoreRate}/s, ${through}`, figures.open],
  ] as const) {
    const last = results.at(-1);
    if (last !== undefined) context.series(percentilesSeries(name, last.latency));
  }
}
