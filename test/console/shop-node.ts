import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entropyBytes } from "../../src/adapters/entropy.ts";
import { writeKeysFile } from "../../src/adapters/http-keys.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import { type ShopSimulator, shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import type { ContentAnswer } from "../../src/content/content-answer.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { hashOfKey, newKey } from "../../src/gateway/http/key-ring.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { type RunningNode, startNode } from "../../src/node.ts";
import { DEFAULT_NODE_OPTIONS } from "../../src/node-options.ts";
import { untilFolded } from "../integration/node-client.ts";
import { poisonEntry } from "../shards/a-shard.ts";
import { startNats } from "../start-nats.ts";

export const SHARDS = 2;
const VISITORS = 300;
/** Enough of them are members for an encoder that tells segments apart. */
const MEMBER_SHARE = 0.6;
/** So long do the shop's events take that tests send: they end about now. */
const SHOP_MS = 1.6 * 86_400_000;
const GUESTS = 1_080;
const GUESTS_A_ROUND = 180;
const MOODS = ["calm", "wild"];
const PRIVACY = { epsilon: 50, delta: 0.001, minMembers: 5, grace: "0s" };

/** A node with a console, and a shop whose visitors have been there: enough of everything that the views show. */
export type ShopNode = Readonly<{
  /** Of the console. */
  url: string;
  operatorKey: string;
  readerKey: string;
  node: RunningNode;
  client: Client;
  shop: ShopSimulator;
  /** Sends the shop's next events, and waits until they count. */
  act(events: number): Promise<void>;
  /** Asks the console for data. */
  get(path: string, key?: string): Promise<Readonly<{ status: number; body: unknown }>>;
  post(path: string, body?: unknown, key?: string): Promise<Readonly<{ status: number; body: unknown }>>;
  close(): Promise<void>;
}>;

/**
 * Starts one. `visitor-1` and the like are the shop's; `carl` has refused to be personalised for; `mia` and others have moods, in a map
 * that is private; two entries could not be folded.
 */
export async function startShopNode(): Promise<ShopNode> {
  const nats = await startNats();
  const dataDir = await mkdtemp(join(tmpdir(), "resonance-console-"));
  const keysFile = join(dataDir, "keys.json");
  const operatorKey = newKey("operator", entropyBytes);
  const readerKey = newKey("reader", entropyBytes);
  await writeKeysFile(keysFile, [
    { name: "ops", role: "operator", sha256: hashOfKey(operatorKey), origins: [] },
    { name: "desk", role: "reader", sha256: hashOfKey(readerKey), origins: [] },
  ]);
  const shop = shopSimulator({
    ...{ seed: 5, visitors: VISITORS, memberShare: MEMBER_SHARE },
    startMs: Date.now() - SHOP_MS,
  });
  const node = await startNode(
    {
      ...DEFAULT_NODE_OPTIONS,
      ...{ nats: nats.url, dataDir, name: "shop-1", shards: SHARDS, publishEveryMs: 100, refit: null },
      admin: { host: "127.0.0.1", port: 0, keysFile },
    },
    () => {},
  );
  const client = await connectClient({ nats: nats.url, data: dataDir, prefix: "resonance" }, "console test");
  const act = async (events: number): Promise<void> => {
    for (let sent = 0; sent < events; sent += 100)
      await ingest(
        client,
        Array.from({ length: Math.min(100, events - sent) }, () => toWire(shop.next())),
      );
    await untilFolded(client);
  };
  await client.ask("segments.put", { maps: [...shopMaps(shop), moodMap()] });
  await act(4_000);
  await node.train();
  await act(600);
  await tellMoods(client);
  await setPoisonAside(nats.url);
  await ingest(client, [
    { id: "carl-1", user: "carl", type: "view", ts: Date.now(), item: "sku-1001" },
    { id: "carl-2", user: "carl", type: "consent", ts: Date.now(), consent: { personalisation: false } },
  ]);
  await runExperiment(client);
  await untilFolded(client);
  const url = node.adminUrl ?? "";
  const ask = async (path: string, given: RequestInit, key: string | undefined) => {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const reply = await fetch(`${url}/console/v1/${path}`, { ...given, headers });
    return { status: reply.status, body: (await reply.json()) as unknown };
  };
  return {
    ...{ url, operatorKey, readerKey, node, client, shop, act },
    get: (path, key) => ask(path, {}, key),
    post: (path, body = {}, key) => ask(path, { method: "POST", body: JSON.stringify(body) }, key),
    async close() {
      await client.close();
      await node.stop();
      await nats.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function shopMaps(shop: ShopSimulator): object[] {
  return shop.definitions.maps.map(({ name, segments }) => ({
    name,
    segments: segments.map((one) => one.name),
  }));
}

/** A window of seconds, so that buckets are closed and noised while a test waits. */
function moodMap(): object {
  return { name: "mood", segments: MOODS, window: { bucket: "1s", buckets: 3 }, privacy: PRIVACY };
}

/** Lets members with moods come by until their private profiles are there. */
async function tellMoods(client: Client): Promise<void> {
  const users = ["mia", ...Array.from({ length: 59 }, (_, u) => `moody-${u}`)];
  const at = () => Date.now();
  await ingest(
    client,
    users.map((user, u) => ({
      ...{ id: `mood-${user}`, user, type: "identify", ts: at(), segments: { mood: MOODS[u % 2] } },
    })),
  );
  for (let round = 0; ; round++) {
    await ingest(
      client,
      users.map((user, u) => {
        const id = `mood-${user}-${round}`;
        const item = `own-${u % 2}-${(u + round) % 5}`;
        return { id, user, type: "view", ts: at(), item, categories: [`mood-${u % 2}`] };
      }),
    );
    const { maps } = (await client.ask("privacy.report", {})) as {
      maps: readonly { measured: { segments: readonly { isShown: boolean }[] } | null }[];
    };
    if (maps[0]?.measured?.segments.every(({ isShown }) => isShown) === true) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function setPoisonAside(url: string): Promise<void> {
  const connection = await connectNats({ servers: [url], name: "console test" });
  const log = await NatsLog.over(connection);
  const { shardLog } = subjectsOf("resonance");
  const act = { kind: "behaviour", user: "ada", type: "view", tsMs: Date.now() } as const;
  for (const id of ["p", "q", "r"])
    await log.append(shardLog(shardOf("ada", SHARDS)), [{ id, data: poisonEntry({ ...act, id }) }]);
  await connection.close();
}

/** Guests are shown what one of two policies chooses, and click it or not. */
async function runExperiment(client: Client): Promise<void> {
  const random = seededRandom(7);
  let serial = 0;
  await client.ask("content.put", {
    placements: [{ name: "home", map: "shopper", floor: 0 }],
    items: ["spring", "sale", "classics"].map((id) => ({ id, placements: ["home"] })),
  });
  await client.ask("experiments.define", {
    ...{ name: "hero", seed: "hero-1", placement: "home" },
    arms: [
      { name: "control", policy: "popularity" },
      { name: "personal", policy: "mixture" },
    ],
    primary: { event: "click", measure: "converted", atPlacement: true },
    guardrails: [
      { event: "click", measure: "count", per: { event: "impression", measure: "count" }, harmMax: 0.2 },
    ],
    plannedUnits: 1_000,
  });
  await untilFolded(client);
  const tell = (answers: readonly ContentAnswer[], type: string) =>
    ingest(
      client,
      answers.map(({ user, decision, content }) => {
        const id = `hero-${++serial}`;
        return { id, user, type, ts: Date.now(), decision, ...(content === null ? {} : { item: content }) };
      }),
    );
  for (let from = 0; from < GUESTS; from += GUESTS_A_ROUND) {
    const users = Array.from({ length: GUESTS_A_ROUND }, (_, i) => `guest-${from + i}`);
    await ingest(
      client,
      users.map((user, u) => ({
        id: `came-${user}`,
        user,
        type: "view",
        ts: Date.now(),
        item: `sku-${1000 + u}`,
      })),
    );
    await untilFolded(client);
    const asked = users.map((user) => client.ask("content", { user, placement: "home" }));
    const answers = (await Promise.all(asked)) as ContentAnswer[];
    await tell(answers, "impression");
    const isPersonal = ({ experiment }: ContentAnswer) => experiment?.arm === "personal";
    await tell(
      answers.filter((answer) => random() < (isPersonal(answer) ? 0.55 : 0.25)),
      "click",
    );
    await untilFolded(client);
    await new Promise((resolve) => setTimeout(resolve, 1_050)); // Two looks are a second apart at least.
  }
}
