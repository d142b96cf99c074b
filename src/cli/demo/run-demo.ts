import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entropyBytes, newId } from "../../adapters/entropy.ts";
import { freePortFrom } from "../../adapters/free-port.ts";
import { writeKeysFile } from "../../adapters/http-keys.ts";
import { systemClock } from "../../adapters/system-clock.ts";
import { hashOfKey, newKey } from "../../gateway/http/key-ring.ts";
import type { ScoreReply } from "../../gateway/score.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { type Random, seededRandom } from "../../kernel/random.ts";
import { type RunningNode, startNode } from "../../node.ts";
import { DEFAULT_NODE_OPTIONS } from "../../node-options.ts";
import { type Client, connectClient } from "../client.ts";
import { ADMIN_PORT, HTTP_KEYS_FILE } from "../http-options.ts";
import type { LatencySummary } from "../latencies.ts";
import { type ShopSimulator, shopSimulator } from "../shop/shop-simulator.ts";
import { type DemoTraffic, startDemoTraffic } from "./demo-traffic.ts";
import { measureAccuracy } from "./measure-accuracy.ts";

/** What a demo is run with. */
export type DemoOptions = Readonly<{
  seed: number;
  visitors: number;
  eventsPerSecond: number;
  /** NATS to use instead of an embedded one. */
  nats?: string;
  /** Whether the node serves its console. */
  hasConsole: boolean;
}>;

/** What a demo measured; the last line of `resonance demo --json`. */
export type DemoResult = Readonly<{
  events: number;
  eventsPerSecond: number;
  /** Share of anonymous visitors with at least five events whose strongest segment is the true one. */
  accuracy: number | null;
  /** What always naming the most frequent segment would reach. */
  chance: number | null;
  visitors: number;
  scoreLatencyMs: LatencySummary;
  /** From sending an event to a score that contains it. */
  visibleLatencyMs: LatencySummary;
  nats: Readonly<{ version: string; source: string }>;
  encoder: Readonly<{ version: string; trained: boolean }>;
}>;

/** Where a demo's console is, and a key to act in it. */
export type DemoConsole = Readonly<{ url: string; operatorKey: string }>;

/** What a demo shows while it runs. */
export type DemoScene = Readonly<{
  client: Client;
  traffic: DemoTraffic;
  shop: ShopSimulator;
  nats: Readonly<{ version: string; source: string }>;
  beganMs: number;
  console: DemoConsole | undefined;
}>;

const MIN_EVENTS = 5;
const DAY_MS = 86_400_000;
/** The simulated year ends now, so that no event is from the future. */
const HISTORY_DAYS = 365;
/** Ports that the console is tried on before any other, from the usual one on: a second demo is near the first. */
const CONSOLE_PORTS = 10;

/**
 * Runs a node with a simulated shop in a folder of its own, which is removed at the end.
 *
 * @param until - Called once all runs; the demo ends when its promise settles.
 */
export async function runDemo(
  options: DemoOptions,
  report: (line: string) => void,
  until: (scene: DemoScene) => Promise<unknown>,
): Promise<DemoResult> {
  const dataDir = await mkdtemp(join(tmpdir(), "resonance-demo-"));
  const shop = shopSimulator({
    seed: options.seed,
    visitors: options.visitors,
    startMs: systemClock.nowMs() - HISTORY_DAYS * DAY_MS,
  });
  const random = seededRandom(options.seed + 1);
  // On somebody else's server the demo keeps to names of its own.
  const prefix =
    options.nats === undefined ? DEFAULT_NODE_OPTIONS.prefix : `resonance-demo-${newId().slice(0, 8)}`;
  try {
    const keysFile = join(dataDir, HTTP_KEYS_FILE);
    const operatorKey = options.hasConsole ? await newOperatorKey(keysFile) : "";
    const port = options.hasConsole ? await freePortFrom(ADMIN_PORT, CONSOLE_PORTS) : 0;
    const node = await startNode(
      {
        ...DEFAULT_NODE_OPTIONS,
        ...(options.hasConsole ? { admin: { host: "127.0.0.1", port, keysFile } } : {}),
        ...(options.nats === undefined ? {} : { nats: options.nats }),
        dataDir,
        prefix,
        maps: shop.definitions.maps,
        publishEveryMs: 500,
        refitCheckMs: 500,
      },
      report,
    );
    try {
      const client = await connectClient({ nats: node.natsUrl, data: dataDir, prefix }, "resonance demo");
      try {
        const console = node.adminUrl === undefined ? undefined : { url: node.adminUrl, operatorKey };
        return await play(options, { client, shop, random, node, console }, until);
      } finally {
        await client.close();
      }
    } finally {
      await node.stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function play(
  options: DemoOptions,
  stage: Readonly<{
    client: Client;
    shop: ShopSimulator;
    random: Random;
    node: RunningNode;
    console: DemoConsole | undefined;
  }>,
  until: (scene: DemoScene) => Promise<unknown>,
): Promise<DemoResult> {
  const { client, shop, random, node, console } = stage;
  const beganMs = systemClock.monotonicMs();
  const pick = (n: number): number => Math.floor(random() * n);
  const traffic = startDemoTraffic(client, shop, { eventsPerSecond: options.eventsPerSecond, pick });
  try {
    const failed = node.failed.then((error) => Promise.reject(error));
    await Promise.race([until({ client, traffic, shop, nats: node.nats, beganMs, console }), failed]);
  } finally {
    await traffic.stop();
  }
  const seconds = (systemClock.monotonicMs() - beganMs) / 1_000;
  const events = traffic.accepted();
  const summary = await summarise(client, shop, traffic);
  return { events, eventsPerSecond: Math.round(events / seconds), ...summary, nats: node.nats };
}

/** A key of this demo alone: its folder is removed at the end. */
async function newOperatorKey(keysFile: string): Promise<string> {
  const key = newKey("operator", entropyBytes);
  await writeKeysFile(keysFile, [{ name: "demo", role: "operator", sha256: hashOfKey(key), origins: [] }]);
  return key;
}

async function summarise(
  client: Client,
  shop: ShopSimulator,
  traffic: DemoTraffic,
): Promise<Omit<DemoResult, "events" | "eventsPerSecond" | "nats">> {
  const judged = [...traffic.seen].filter(([user, count]) => count >= MIN_EVENTS && !shop.isMember(user));
  const measured = await measureAccuracy(
    client,
    shop,
    judged.map(([user]) => user),
  );
  const anyone = traffic.seen.keys().next().value;
  if (anyone === undefined) {
    const message = traffic.trouble() ?? "not one event was sent";
    throw new EngineError({ code: "DEMO_WITHOUT_EVENTS", message, retryable: true });
  }
  const { versions } = (await client.ask("score", { user: anyone })) as ScoreReply;
  return {
    ...measured,
    scoreLatencyMs: traffic.scoreLatency.summary(),
    visibleLatencyMs: traffic.visibleLatency.summary(),
    encoder: { version: versions.encoder, trained: versions.trained },
  };
}
