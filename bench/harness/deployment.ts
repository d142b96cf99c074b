import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startNatsServer } from "../../src/adapters/nats-server.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import { fromWireError } from "../../src/kernel/engine-error.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import type { TrainingResult } from "../../src/training-task.ts";
import type { BenchOptions } from "./bench-options.ts";
import { BENCH_MAP, type EventOrigin, EventStream, originText, segmentNames } from "./event-source.ts";
import { type NodeUnderTest, type StartingNode, spawnNode } from "./node-under-test.ts";
import { askShards } from "./shard-progress.ts";

/** What a deployment is prepared as; equal ones are prepared once. */
export type DeploymentConfig = Readonly<{
  segments: number;
  dims: number;
  shards: number;
  threads: number;
  /** Events that are folded before the encoder is fitted. */
  preparedEvents: number;
  /** Further options of its nodes. */
  nodeOptions?: readonly string[];
}>;

/** A deployment that scenarios measure. */
export type Deployment = Readonly<{
  url: string;
  prefix: string;
  shards: number;
  /** Whether its nodes are the bench's to start, stop and kill. */
  isOwned: boolean;
  /** Version of the NATS server, where it was found, and its process if it is the bench's own. */
  server: Readonly<{ version: string; source: string; pid?: number }>;
  /** Folder of everything that it stores. */
  folder: string;
  /** Users who are held already. */
  users: readonly string[];
  client: Client;
  /** The events that come after those folded already. */
  events(): Promise<EventStream>;
  /** Events of users who are not held yet, the first ones one event each. */
  newUsers(users: number, name: string): EventStream;
  /** Starts a node and waits until it is ready. */
  startNode(given?: GivenNode): Promise<NodeUnderTest>;
  spawnNode(given?: GivenNode): StartingNode;
  /** Ends its nodes and its server; what it stored stays. */
  shutDown(): Promise<void>;
  /** Ends what is left of it, and removes what it stored. */
  close(): Promise<void>;
}>;

/** What one node has of its own. */
export type GivenNode = Readonly<{ name?: string; options?: readonly string[]; runtime?: readonly string[] }>;

/** What preparing and opening need. */
export type DeploymentWorld = Readonly<{
  options: BenchOptions;
  origin: EventOrigin;
  workDir: string;
  report(line: string): void;
}>;

/** What is kept beside a prepared deployment. */
type Prepared = Readonly<{ events: number; users: readonly string[] }>;

const EVENTS_A_REQUEST = 500;
const REQUESTS_AT_ONCE = 8;
const TRAINING_PATIENCE_MS = 600_000;
const LOOK_MS = 100;
/** Profiles are published every two seconds: after so long without a new version there is no more to come. */
const QUIET_MS = 5_000;
let opened = 0;

/** Prepares a deployment of this kind unless that was done before, and opens a copy of it. No node runs yet. */
export async function openDeployment(world: DeploymentWorld, config: DeploymentConfig): Promise<Deployment> {
  const prepared = await prepare(world, config);
  const folder = join(world.workDir, `run-${process.pid}-${opened++}`);
  await cp(prepared, folder, { recursive: true });
  const held = JSON.parse(await readFile(join(folder, "prepared.json"), "utf8")) as Prepared;
  return openFolder(world, config, folder, held);
}

async function openFolder(
  world: DeploymentWorld,
  config: DeploymentConfig,
  folder: string,
  held: Prepared,
): Promise<Deployment> {
  const { options, origin } = world;
  const { prefix } = options;
  const server = await startNatsServer({
    storeDir: join(folder, "nats"),
    sync: options.sync,
    report: world.report,
    env: {
      ...process.env,
      ...(options.natsServer === undefined ? {} : { NATS_SERVER: options.natsServer }),
    },
  });
  const client = await connectClient({ nats: server.url, data: folder, prefix }, "resonance bench");
  const segments = join(folder, "segments.json");
  await writeFile(segments, JSON.stringify(definitionsOf(config.segments)));
  const nodes: StartingNode[] = [];
  const spawn = ({ name = "bench", options: own = [], runtime = [] }: GivenNode = {}): StartingNode => {
    const given = [
      ["--nats", server.url, "--prefix", prefix, "--name", name, "--data", join(folder, name)],
      ["--segments", segments, "--shards", String(config.shards), "--threads", String(config.threads)],
      ["--dim-max", String(config.dims), "--no-refit", "--snapshot-every", "0"],
      config.nodeOptions ?? [],
      own,
    ];
    const node = spawnNode(given.flat(), runtime);
    nodes.push(node);
    return node;
  };
  const shutDown = async (): Promise<void> => {
    for (const node of nodes) await node.kill();
    await client.close();
    await server.stop();
  };
  return {
    url: server.url,
    prefix,
    shards: config.shards,
    isOwned: true,
    server,
    folder,
    users: held.users,
    client,
    async events() {
      const stream = new EventStream(origin, { segments: config.segments });
      await stream.skip(held.events);
      return stream;
    },
    newUsers: (users, name) => new EventStream(origin, { segments: config.segments, users, name }),
    startNode: (given) => spawn(given).ready,
    spawnNode: spawn,
    shutDown,
    async close() {
      await shutDown();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** @returns The folder of a prepared deployment. */
async function prepare(world: DeploymentWorld, config: DeploymentConfig): Promise<string> {
  const { origin, options } = world;
  const kind = origin.kind === "file" ? originText(origin).split(" ").at(-1) : "simulated";
  const { segments, dims, shards, preparedEvents } = config;
  const own = (config.nodeOptions ?? []).join("");
  const key = `${kind}-${preparedEvents}e-${segments}s-${dims}d-${shards}x-${options.sync}${own}`;
  const folder = join(world.workDir, `prepared-${key}`);
  if (await readFile(join(folder, "prepared.json")).catch(() => undefined)) return folder;
  world.report(`preparing: ${preparedEvents} events, ${segments} segments, ${dims} dimensions`);
  const half = `${folder}.half-${process.pid}`;
  await mkdir(half, { recursive: true });
  const deployment = await openFolder(world, config, half, { events: 0, users: [] });
  try {
    const node = await deployment.startNode();
    const held = await fill(deployment, preparedEvents, world.report);
    await trainAndSettle(deployment, world.report);
    await node.stop();
    await writeFile(join(half, "prepared.json"), JSON.stringify(held));
    await deployment.shutDown();
    await rename(half, folder);
  } catch (thrown) {
    await deployment.close();
    throw thrown;
  }
  return folder;
}

/** Sends a deployment its first events, and waits until all are folded. */
export async function fill(
  deployment: Deployment,
  count: number,
  report: (line: string) => void,
): Promise<Prepared> {
  const { client } = deployment;
  const stream = await deployment.events();
  const users = new Set<string>();
  let left = count;
  const beganMs = performance.now();
  const send = async (): Promise<void> => {
    while (left > 0) {
      const size = Math.min(left, EVENTS_A_REQUEST);
      left -= size;
      const events = await stream.take(size);
      for (const { user } of events) users.add(user);
      const { refused } = await ingest(client, events, 30_000);
      if (refused.length > 0) throw new Error(`events were refused: ${JSON.stringify(refused[0])}`);
    }
  };
  await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, send));
  await stream.close();
  await untilFolded(client);
  report(
    `folded ${count} events of ${users.size} users in ${((performance.now() - beganMs) / 1_000).toFixed(1)} s`,
  );
  return { events: count, users: [...users] };
}

/** Waits until every shard has folded its whole log, twice in a row, since a fold may cause more. */
export async function untilFolded(client: Client): Promise<void> {
  for (let quiet = 0; quiet < 2; ) {
    const status = (await client.ask("status", {})) as StatusReply;
    quiet = status.ready && status.lag === 0 ? quiet + 1 : 0;
    await sleep(LOOK_MS);
  }
}

/** Fits an encoder, and waits until it and profiles of all segments are in force in all shards. */
async function trainAndSettle({ client, shards }: Deployment, report: (line: string) => void): Promise<void> {
  const beganMs = performance.now();
  const subject = client.subjects.profileActor("train");
  const reply = await client.bus.request(subject, encode({}), { timeoutMs: TRAINING_PATIENCE_MS });
  if (reply.error !== undefined) throw fromWireError(reply.error);
  const result = decode(reply.data) as TrainingResult;
  if (result.kind === "failed") throw fromWireError(result.error);
  for (let last = "", sinceMs = performance.now(); performance.now() - sinceMs < QUIET_MS; ) {
    const told = await askShards(client.bus, client.subjects, shards);
    const isDone = told.every((one) => one?.versions.trained && (one.versions.profiles[BENCH_MAP] ?? 0) > 0);
    const now = JSON.stringify(told.map((one) => one?.versions));
    if (!isDone || now !== last) sinceMs = performance.now();
    last = now;
    await sleep(LOOK_MS);
  }
  await untilFolded(client);
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(1);
  report(`fitted from ${result.report.members} members and in force after ${seconds} s`);
}

function definitionsOf(segments: number): object {
  return { maps: [{ name: BENCH_MAP, mode: "exclusive", segments: segmentNames(segments) }] };
}
