import type { ContentType } from "../../src/events/decode-request.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import { type Ceiling, publishCeiling } from "../harness/bare-ceilings.ts";
import { type Deployment, untilFolded } from "../harness/deployment.ts";
import type { EventStream, SentEvent } from "../harness/event-source.ts";
import { ingestRequests } from "../harness/ingest-requests.ts";
import { runLoad } from "../harness/load-process.ts";
import type { LoadResult } from "../harness/load-tasks.ts";
import { logEntries } from "../harness/log-entries.ts";
import { type CoresUsed, coresText, servingProcesses, watchCores } from "../harness/process-cores.ts";
import { openLoopNote, percentilesSeries, refuseFailures } from "../harness/request-figures.ts";
import type { Scenario, ScenarioContext } from "../harness/scenario.ts";

/** Events through the gateway into the log: as many as possible, and at a rate. */
export const ingest: Scenario = {
  name: "ingest",
  summary: "events acknowledged by the gateway, against bare acknowledged publishing to as many streams",
  ownsNodes: false,
  async run(context) {
    const deployment = await context.deployment();
    const node = deployment.isOwned
      ? await deployment.startNode({ runtime: context.profiling("ingest") })
      : undefined;
    const events = await deployment.events();
    const ceilings: Ceiling[] = [];
    const withIds: number[] = [];
    const found = WAYS.map((way) => ({
      way,
      perSecond: [] as number[],
      lags: [] as number[],
      cores: {} as CoresUsed,
    }));
    const pids = servingProcesses(deployment, ...(node === undefined ? [] : [node.pid]));
    const open: LoadResult[] = [];
    context.progress("warm-up");
    const warmUp = { ...MAIN, share: 0.4 };
    await closedOnce(deployment, await takeFor(events, context, warmUp), warmUp, pids);
    for (let round = 0; round < context.sizes.rounds; round++) {
      context.progress(`round ${round + 1}: bare acknowledged publishing`);
      const taken = await events.take(context.sizes.ingestEvents);
      const published = logEntries(taken, deployment.shards, 1).map(({ messages }) => messages);
      const bare = published.map((list) => list.map(({ data }) => ({ id: "", data })));
      const best = ceilings[0] === undefined ? {} : { way: ceilings[0].way };
      const { url, prefix } = deployment;
      ceilings.push(await publishCeiling(url, prefix, bare, best));
      const only = { way: ceilings[0]?.way ?? "" };
      withIds.push((await publishCeiling(url, prefix, published, only)).perSecond);
      for (const one of found) {
        context.progress(`round ${round + 1}: ${nameOf(one.way)}`);
        const done = await closedOnce(deployment, await takeFor(events, context, one.way), one.way, pids);
        one.cores = done.cores;
        one.perSecond.push(done.perSecond);
        one.lags.push(done.lag);
      }
      context.progress(`round ${round + 1}: ${context.options.rate} events/s`);
      open.push(await atRate(context, deployment, events));
    }
    await events.close();
    await node?.stop();
    const ceiling = {
      name: `bare acknowledged publishing (${ceilings[0]?.way})`,
      rounds: ceilings.map(({ perSecond }) => perSecond),
    };
    for (const { way, perSecond, lags, cores } of found)
      context.measured({
        metric: `acknowledged, ${nameOf(way)}`,
        unit: "events/s",
        rounds: perSecond,
        ceiling,
        ...(way === MAIN ? { goal: { ratio: { atLeast: 0.6 }, value: { atLeast: 60_000 } } } : {}),
        note: `${way.inFlight} requests in flight; the shards of the same node were ${Math.max(...lags)} messages behind at the end; ${coresText(cores)}`,
      });
    context.measured({ metric: "bare publishing with message ids", unit: "events/s", rounds: withIds });
    reportOpen(context, open);
  },
};

type Way = Readonly<{ batch: number; type: ContentType; inFlight: number; share: number }>;

/** `share` of the round's events; enough requests under way that the gateway always has some. */
const MAIN: Way = { batch: 100, type: "application/json", inFlight: 64, share: 1 };
const WAYS: readonly Way[] = [
  MAIN,
  { batch: 100, type: "application/msgpack", inFlight: 64, share: 1 },
  { batch: 1_000, type: "application/json", inFlight: 8, share: 1 },
  { batch: 1, type: "application/json", inFlight: 256, share: 0.2 },
];
const OPEN_BATCH = 100;

function nameOf({ batch, type }: Way): string {
  const format = type === "application/json" ? "JSON" : "MessagePack";
  return batch === 1 ? `one by one, ${format}` : `batches of ${batch}, ${format}`;
}

function takeFor(events: EventStream, { sizes }: ScenarioContext, way: Way): Promise<SentEvent[]> {
  return events.take(Math.ceil((sizes.ingestEvents * way.share) / way.batch) * way.batch);
}

/** Sends events as fast as they are acknowledged, then lets the shards catch up. */
async function closedOnce(
  { url, prefix, client }: Deployment,
  events: readonly SentEvent[],
  { batch, type, inFlight }: Way,
  pids: Readonly<Record<string, number>>,
): Promise<{ perSecond: number; lag: number; cores: CoresUsed }> {
  const before = (await client.ask("status", {})) as StatusReply;
  const requests = ingestRequests(prefix, events, batch, type);
  const json = type === "application/json" ? {} : { contentType: type };
  const coresUsed = await watchCores(pids);
  const result = await runLoad({ kind: "closed", url, requests, inFlight, warmUpMs: 0, ...json });
  const cores = { ...(await coresUsed()), generator: result.cores };
  refuseFailures(result);
  const after = (await client.ask("status", {})) as StatusReply;
  const accepted = after.gateway.accepted - before.gateway.accepted;
  if (accepted !== events.length) throw new Error(`${accepted} of ${events.length} events were accepted`);
  await untilFolded(client);
  return { perSecond: (events.length * 1_000) / (result.endedMs - result.beganMs), lag: after.lag, cores };
}

async function atRate(
  { options, sizes }: ScenarioContext,
  { url, prefix, client }: Deployment,
  events: EventStream,
): Promise<LoadResult> {
  const { warmUpMs, durationMs } = sizes;
  const perSecond = options.rate / OPEN_BATCH;
  const count = Math.ceil((perSecond * (warmUpMs + durationMs)) / 1_000) * OPEN_BATCH;
  const requests = ingestRequests(prefix, await events.take(count), OPEN_BATCH, "application/json");
  const result = await runLoad({ kind: "open", url, requests, perSecond, warmUpMs, durationMs });
  await untilFolded(client);
  return result;
}

function reportOpen(context: ScenarioContext, open: readonly LoadResult[]): void {
  const at = `${context.options.rate} events/s in batches of ${OPEN_BATCH}`;
  for (const [name, of] of [
    ["p50", "p50Ms"],
    ["p99", "p99Ms"],
    ["p99.9", "p999Ms"],
  ] as const)
    context.measured({
      metric: `${name} of the acknowledgement at ${at}`,
      unit: "ms",
      rounds: open.map(({ latency }) => latency[of]),
      ...(name === "p50" ? { note: openLoopNote(open) } : {}),
    });
  const last = open.at(-1);
  if (last !== undefined) context.series(percentilesSeries(`acknowledgement at ${at}`, last.latency));
}
