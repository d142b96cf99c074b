import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import type { NatsServerBinary } from "../../src/adapters/nats-server-find.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { definitionsFile } from "../integration/node-client.ts";
import { ChaosNode } from "./chaos-node.ts";
import { type Rest, untilAtRest, untilQuiet } from "./cluster-state.ts";
import { copiesOf, untilCommitted } from "./copies.ts";
import { drawFault, type Fault, type FaultKind, type FaultTargets, inflict, targetOf } from "./faults.ts";
import { judge } from "./judge.ts";
import { type ProcessGuard, startProcessGuard } from "./process-guard.ts";
import { type ChaosServers, startServers } from "./servers.ts";
import { startShardProber } from "./shard-prober.ts";
import { startShopLoad } from "./shop-load.ts";
import { mountSmallDisk } from "./small-disk.ts";

/** What a chaos run is made of. The same seed draws the same shop and the same faults. */
export type ChaosOptions = Readonly<{
  binary: NatsServerBinary;
  kills: number;
  seed: number;
  servers: number;
  nodes: number;
  shards: number;
  /** Events and score requests a second. */
  rate: number;
  scores: number;
  kinds: readonly FaultKind[];
  /** Pause between two faults, ms. */
  pauseMs: Readonly<{ min: number; max: number }>;
  /** Longest time that a fault lasts, ms. */
  lastsMsMax: number;
  /** Patience with the cluster after each fault, and in the end, ms. */
  patienceMs: number;
}>;

/** Median and worst of some times, ms; null of none. */
export type Times = Readonly<{ count: number; median: number | null; worst: number | null }>;

/** What a run found: `lost`, `doubled` and `different` must be 0. */
export type ChaosResult = Readonly<{
  kills: number;
  acknowledged: number;
  lost: number;
  doubled: number;
  different: number;
  /** From a fault of a node until all shards were answered again. */
  recoveryMs: Times;
  byKind: Readonly<Record<string, Times>>;
  scoreRequests: number;
  /** Requests that a client with 8 s of patience got no answer to. */
  scoreFailed: number;
  scoreMs: Readonly<{ p50: number | null; p99: number | null; worst: number }>;
  natsVersion: string;
  seed: number;
  /** What else an operator would want to know: nodes that ended by themselves, refusals, faults not recovered from. */
  crashes: number;
  notAtRest: number;
  findings: readonly string[];
  seconds: number;
}>;

const STANDBYS = 1;
const RING_EVENTS = 32;
const VISITORS = 2_000;
const DISK_BYTES = 512 * 1024 * 1024;
/** Share of faults that come with a second one. */
const TWO_AT_ONCE = 0.12;
/** A recovery that takes longer is told in full. */
const SLOW_MS = 1_000;
const PREFIX = "resonance";
/** Times of faults of a node: goals are about these. */
const OF_A_NODE: readonly Fault["kind"][] = ["node", "worker", "hang", "pause-node", "disk", "cut"];

/** Runs a cluster of nodes over a cluster of servers under load, lets faults happen, and judges what is left. */
export async function runChaos(options: ChaosOptions, report: (line: string) => void): Promise<ChaosResult> {
  const folder = await mkdtemp(join(tmpdir(), "resonance-chaos-"));
  const guard = startProcessGuard(folder);
  const closers: (() => Promise<unknown>)[] = [() => guard.close()];
  try {
    return await compose(options, { folder, guard, closers }, report);
  } finally {
    for (const close of closers.reverse()) await close().catch((thrown) => report(`closing: ${thrown}`));
  }
}

type Stage = Readonly<{ folder: string; guard: ProcessGuard; closers: (() => Promise<unknown>)[] }>;

async function compose(
  options: ChaosOptions,
  { folder, guard, closers }: Stage,
  report: (line: string) => void,
): Promise<ChaosResult> {
  const beganMs = performance.now();
  const findings: string[] = [];
  const servers = await startServers(options.binary, options.servers, { folder, guard });
  closers.push(() => servers.stop());
  report(`${options.servers} nats-server ${servers.version}`);
  const shop = shopSimulator({ seed: options.seed, visitors: VISITORS, startMs: Date.UTC(2026, 0, 5) });
  const segments = await definitionsFile(folder, shop.definitions);
  const folders = new Map(Array.from({ length: options.nodes }, (_, n) => [`n${n}`, join(folder, `n${n}`)]));
  const disk = options.kinds.includes("disk")
    ? await mountSmallDisk(join(folder, "n0"), DISK_BYTES)
    : "not asked";
  if (typeof disk === "string") report(`no full disks: ${disk}`);
  else closers.push(() => disk.close());
  const nodes = await Promise.all(
    [...folders].map(([name, data]) =>
      ChaosNode.make({
        name,
        folder: data,
        servers: servers.urls,
        isWired: true,
        options: nodeOptions(options, segments),
        guard,
        report,
      }),
    ),
  );
  for (const node of nodes) closers.push(() => node.close());
  await Promise.all(nodes.map((node) => node.start()));

  const connections = await connectAll(servers, closers);
  const affected = new Set<number>();
  // Through a server that no fault affects: what is measured are the nodes.
  const client = (): Client => connections.find((_, server) => !affected.has(server)) ?? connections[0]!;
  const rest: Rest = { ...options, standbys: STANDBYS, timeoutMs: options.patienceMs };
  const before = await untilAtRest(client, rest);
  if (typeof before === "string") throw new Error(`the cluster did not come to rest: ${before}`);
  report(`${options.nodes} nodes at rest after ${seconds(beganMs)} s`);

  const load = startShopLoad(await connectTo(servers.urls, closers), shop, {
    eventsPerSecond: options.rate,
    scoresPerSecond: options.scores,
    random: seededRandom(options.seed + 1),
  });
  const prober = startShardProber(client, options.shards);
  const random = seededRandom(options.seed + 2);
  const targets: FaultTargets = {
    nodes,
    servers,
    disk: typeof disk === "string" ? undefined : { node: 0, disk },
    random,
    lastsMsMax: options.lastsMsMax,
  };
  const recoveries = new Map<string, number[]>();
  let notAtRest = 0;
  let kills = 0;
  while (kills < options.kills) {
    const faults = drawFaults(options, targets, options.kills - kills);
    await sleep(options.pauseMs.min + random() * (options.pauseMs.max - options.pauseMs.min));
    kills += faults.length;
    affected.clear();
    for (const fault of faults) if ("server" in fault) affected.add(fault.server);
    prober.begin();
    await Promise.all(faults.map((fault) => inflict(fault, targets)));
    const state = await untilAtRest(client, rest);
    const recoveryMs = await untilKnown(() => prober.recoveryMs(), options.patienceMs);
    affected.clear();
    const kind = faults.length === 1 ? nameOf(faults[0]!) : "two at once";
    recoveries.set(kind, [...(recoveries.get(kind) ?? []), recoveryMs ?? Number.POSITIVE_INFINITY]);
    const later = prober.laterGapMs();
    const told = `${kills} of ${options.kills}: ${faults.map(tell).join(" and ")}: answered again after ${ms(recoveryMs)}`;
    report(later > 0 ? `${told}; later not for ${ms(later)}` : told);
    if ((recoveryMs ?? Number.POSITIVE_INFINITY) > SLOW_MS)
      report(`  shards not answered, ms: ${prober.gaps()}`);
    if (typeof state !== "string") continue;
    notAtRest++;
    findings.push(`${told}; not at rest after ${options.patienceMs} ms: ${state}`);
    report(findings.at(-1) ?? "");
  }
  await prober.stop();
  report("the load ends");
  await load.stop();

  const quiet = await untilQuiet(client, rest);
  if (typeof quiet === "string") throw new Error(`the cluster did not become quiet: ${quiet}`);
  const copies = copiesOf(quiet, folders);
  const connection = await connectNats({ servers: servers.urls, name: "chaos judge" });
  closers.push(() => connection.close());
  const log = await NatsLog.over(connection);
  const subjects = subjectsOf(PREFIX);
  const behind = await untilCommitted(
    copies,
    async ({ shard }) =>
      (await log.bounds(shard === undefined ? subjects.samples : subjects.shardLog(shard))).last,
    options.patienceMs,
  );
  findings.push(...behind);
  report(`quiet with ${copies.length} copies: stopping the nodes`);
  const statuses = await Promise.all(nodes.map((node) => node.stop()));
  for (const [index, status] of statuses.entries())
    if (status !== 0) findings.push(`n${index} ended with ${status} when it was told to stop`);

  const { acknowledged, troubles, scores } = load;
  const { ringEvents, shards } = { ringEvents: RING_EVENTS, shards: options.shards };
  const verdict = await judge({ connection, subjects, shards, ringEvents, acknowledged, copies }, report);
  for (const [code, count] of troubles) findings.push(`${count} events or requests were refused: ${code}`);
  for (const [failure, count] of scores.failures) findings.push(`${count} scores failed: ${failure}`);
  const crashes = nodes.flatMap((node) => node.crashes);
  const { p50, p99, count } = scores.latencies.summary();
  return {
    kills,
    acknowledged: acknowledged.size,
    lost: verdict.lost,
    doubled: verdict.doubled,
    different: verdict.different + behind.length,
    recoveryMs: timesOf([...recoveries].flatMap(([kind, times]) => (isOfANode(kind) ? times : []))),
    byKind: Object.fromEntries([...recoveries].map(([kind, times]) => [kind, timesOf(times)])),
    scoreRequests: count,
    scoreFailed: [...scores.failures.values()].reduce((sum, failed) => sum + failed, 0),
    scoreMs: { p50, p99, worst: Math.round(scores.worstMs()) },
    natsVersion: servers.version,
    seed: options.seed,
    crashes: crashes.length,
    notAtRest,
    findings: [...verdict.findings, ...crashes, ...findings],
    seconds: Math.round(seconds(beganMs)),
  };
}

function nodeOptions(options: ChaosOptions, segments: string): string[] {
  return [
    ...["--segments", segments, "--shards", String(options.shards), "--standbys", String(STANDBYS)],
    // A small memory, so that contexts are passivated and come back all the time.
    ...["--resident", "200", "--ring", String(RING_EVENTS), "--publish-every", "1000"],
    // Who has lost everything starts from a snapshot. The logs stay whole, for the judge.
    ...["--snapshot-every", "15", "--keep-log", "1000"],
  ];
}

/** One fault, or two that happen to two. */
function drawFaults(options: ChaosOptions, targets: FaultTargets, left: number): Fault[] {
  const first = drawFault(options.kinds, targets);
  if (targets.random() >= TWO_AT_ONCE || left < 2) return [first];
  const second = drawFault(options.kinds, targets);
  return targetOf(second) === targetOf(first) ? [first] : [first, second];
}

/** A connection to each server alone, and so to no other. */
async function connectAll(servers: ChaosServers, closers: Stage["closers"]): Promise<Client[]> {
  const connections: Client[] = [];
  for (const url of servers.urls) connections.push(await connectTo([url], closers));
  return connections;
}

async function connectTo(urls: readonly string[], closers: Stage["closers"]): Promise<Client> {
  const client = await connectClient({ nats: urls.join(","), data: "", prefix: PREFIX }, "chaos");
  closers.push(() => client.close());
  return client;
}

async function untilKnown<T>(look: () => T | undefined, timeoutMs: number): Promise<T | undefined> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== undefined || performance.now() > deadlineMs) return found;
    await sleep(20);
  }
}

function nameOf(fault: Fault): string {
  return fault.kind === "node" && fault.isWiped ? "node wiped" : fault.kind;
}

function isOfANode(name: string): boolean {
  return OF_A_NODE.some((kind) => name === kind || name === `${kind} wiped`);
}

function tell(fault: Fault): string {
  const { kind, ...rest } = fault;
  return `${kind} ${JSON.stringify(rest)}`;
}

function timesOf(times: readonly number[]): Times {
  const sorted = [...times].sort((a, b) => a - b);
  const rounded = (time: number | undefined): number | null => (time === undefined ? null : Math.round(time));
  return {
    count: sorted.length,
    median: rounded(sorted[Math.floor((sorted.length - 1) / 2)]),
    worst: rounded(sorted.at(-1)),
  };
}

function ms(time: number | undefined): string {
  return time === undefined ? "never" : `${Math.round(time)} ms`;
}

function seconds(sinceMs: number): number {
  return Math.round((performance.now() - sinceMs) / 100) / 10;
}
