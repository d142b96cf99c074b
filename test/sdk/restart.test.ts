import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterEach, expect, test } from "vitest";
import { connect, type Ingested, type Resonance } from "../../sdk/src/index.ts";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { connectClient } from "../../src/cli/client.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { decodeContext } from "../../src/shards/context-codec.ts";
import { untilFolded } from "../integration/node-client.ts";
import { aNode, type TestNode } from "./a-node.ts";

const USERS = 500;
const EVENTS = 10_000;
const SHARDS = 2;

let node: TestNode;
let resonance: Resonance;
afterEach(async () => {
  await resonance?.close(1_000).catch(() => undefined);
  await node?.close();
});

const userOf = (i: number): string => `user-${i % USERS}`;

/** Hands over all events in calls of ten, never waiting for more than the queue makes it wait. */
function sendAll(): { readonly calls: Promise<Ingested>[]; readonly handedOver: Promise<void> } {
  const calls: Promise<Ingested>[] = [];
  const handedOver = (async () => {
    for (let i = 0; i < EVENTS; i += 10) {
      const events = Array.from({ length: 10 }, (_, k) => ({ user: userOf(i + k), type: "view" }));
      calls.push(resonance.ingest(events));
      while (resonance.pending > 1_000) await sleep(1);
    }
  })();
  return { calls, handedOver };
}

/** Requests of events whose answers go astray. */
const ASTRAY = [3, 10, 17];

/** A connection on which some answers go astray: the events are stored, and nobody is told. */
async function losingAnswers(): Promise<NatsConnection> {
  const nc = await connectNats({ servers: [node.nats.url], name: "losing answers" });
  const publish = nc.publish.bind(nc);
  let requests = 0;
  nc.publish = (subject, data, options) => {
    const isLost = subject === "resonance.v1.ingest" && ASTRAY.includes(++requests);
    publish(subject, data, isLost ? { ...options, reply: "_INBOX.astray" } : options);
  };
  return nc;
}

/** Each user's events as the stopped node's stores hold them. */
async function expectEachEventOnce(): Promise<void> {
  const client = await connectClient(
    { nats: node.nats.url, data: node.data, prefix: "resonance" },
    "sdk test",
  );
  await untilFolded(client);
  await client.close();
  await node.process().stop();
  const stores = Array.from({ length: SHARDS }, (_, shard) =>
    lmdbContextStore(join(node.data, "shards", String(shard))),
  );
  const counts = Array.from({ length: USERS }, (_, i) => {
    const user = userOf(i);
    const bytes = stores[shardOf(user, SHARDS)]?.load(user);
    return bytes === undefined ? 0 : decodeContext(user, bytes).events;
  });
  for (const store of stores) await store.close();
  expect(new Set(counts)).toEqual(new Set([EVENTS / USERS]));
}

test("a node that is killed in the middle of 10,000 events loses none, and counts none twice", async () => {
  node = await aNode();
  const connection = await losingAnswers();
  resonance = await connect({ connection });
  const { calls, handedOver } = sendAll();
  for (let kills = 0; kills < 2; kills++) {
    const target = ((kills + 1) * EVENTS) / 30;
    while (calls.length < target) await sleep(1);
    await node.process().kill();
    await node.up();
  }
  await handedOver;
  await resonance.flush();
  const settled = await Promise.all(calls);
  expect(settled.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(EVENTS);
  await connection.close();
  await expectEachEventOnce();
}, 120_000);

test("a NATS server that restarts in the middle of 10,000 events loses none, and questions go on", async () => {
  node = await aNode();
  resonance = await connect({ servers: node.nats.url });
  const { calls, handedOver } = sendAll();
  while (calls.length < EVENTS / 20) await sleep(1);
  const seen: boolean[] = [];
  resonance.onConnection((isUp) => seen.push(isUp));
  const asked = node.nats.restart(() => sleep(300));
  await sleep(100);
  const score = resonance.score(userOf(1), { timeoutMs: 20_000 });
  await asked;
  expect(await score).toMatchObject({ user: userOf(1) });
  await handedOver;
  await resonance.flush();
  const settled = await Promise.all(calls);
  expect(settled.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(EVENTS);
  expect(seen).toEqual([false, true]);
  await expectEachEventOnce();
}, 120_000);

test("a killed owner is asked no more: scores go over the gateway, and directly again once it is back", async () => {
  node = await aNode();
  resonance = await connect({ servers: node.nats.url });
  while ((await resonance.score("ada")).way !== "shard");
  await node.process().kill();
  const waiting = resonance.score("ada", { timeoutMs: 30_000 });
  await node.up();
  expect((await waiting).way).toBe("gateway");
  while ((await resonance.score("ada")).way !== "shard") await sleep(20);
}, 60_000);
