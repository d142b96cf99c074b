import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { entropyBytes } from "../../src/adapters/entropy.ts";
import { writeKeysFile } from "../../src/adapters/http-keys.ts";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { connectClient } from "../../src/cli/client.ts";
import { decodeEntries } from "../../src/events/log-codec.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { hashOfKey, newKey } from "../../src/gateway/http/key-ring.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { decodeContext } from "../../src/shards/context-codec.ts";
import { untilFolded } from "../integration/node-client.ts";
import { startNodeProcess } from "../integration/node-process.ts";
import { startNats } from "../start-nats.ts";

const SHARDS = 2;
export const USERS = 100;
/** Of each user: fewer than the ids that a context knows again, so whatever a client sends twice counts once. */
export const EVENTS_EACH = 100;
export const EVENTS = USERS * EVENTS_EACH;
/** The share of events that is handed over when the node goes down. */
const WHEN_HANDED_OVER = 0.4;
/** How long it stays away. */
const DOWN_MS = 1_000;

/** How long clients may take for what is left, once they were handed all. */
const PATIENCE_MS = 30_000;

/** What a client is told. */
export type Target = Readonly<{
  url: string;
  writeKey: string;
  /** To be told how many events the client was handed: at some point the node goes down, and comes back. */
  handedOver(events: number): void;
}>;

/** The event with a number, as a `track` call: one of each user after the other. */
export function trackCall(number: number) {
  const product_id = `sku-${Math.floor(number / USERS)}`;
  return { userId: `user-${number % USERS}`, event: "Product Viewed", properties: { product_id } };
}

/**
 * Lets a client deliver {@link EVENTS} events to a node that is stopped and started again, on the same port and data, in their midst. Then each
 * event is in the log, with an id of its own, and each user's context counts each of theirs once.
 *
 * @param deliver - Resolves once the client says that it has taken, or delivered, them all.
 * @param how.origin - Of the page that they come from.
 * @param how.isKilled - The node ends as by a power cut: what it had stored and not answered yet comes again.
 */
export async function expectDelivered(
  deliver: (target: Target) => Promise<void>,
  { origin, isKilled = false }: Readonly<{ origin?: string; isKilled?: boolean }> = {},
): Promise<void> {
  const nats = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "resonance-client-"));
  const data = join(folder, "node");
  const writeKey = newKey("producer", entropyBytes);
  const keys = join(folder, "keys.json");
  const origins = origin === undefined ? [] : [origin];
  await writeKeysFile(keys, [{ name: "client", role: "producer", sha256: hashOfKey(writeKey), origins }]);
  const options = ["--nats", nats.url, "--data", data, "--shards", String(SHARDS), "--no-refit"];
  const up = (address: string) =>
    startNodeProcess([...options, "--http", address, "--http-keys", keys, "--drain", "0"]);
  let node = await up("127.0.0.1:0");
  try {
    const url = String((node.ready["http"] as Readonly<Record<string, unknown>>)["url"]);
    let restarted: Promise<void> | undefined;
    const restart = async (): Promise<void> => {
      if (isKilled) await node.kill();
      else expect(await node.stop()).toBe(0);
      await sleep(DOWN_MS);
      node = await up(new URL(url).host);
    };
    const handedOver = (events: number): void => {
      if (events >= EVENTS * WHEN_HANDED_OVER) restarted ??= restart();
    };
    await deliver({ url, writeKey, handedOver });
    expect(restarted, "the node went down in the midst of it").toBeDefined();
    await restarted;
    const client = await connectClient({ nats: nats.url, data, prefix: "resonance" }, "client test");
    // A client may hold back for a while what it has said that it took.
    const logged = async (): Promise<number> => new Set(await loggedActs(nats.url)).size;
    await expect.poll(logged, { timeout: PATIENCE_MS, interval: 1_000 }).toBeGreaterThanOrEqual(EVENTS);
    await untilFolded(client);
    await client.close();
    await node.stop();
    expect(await logged(), "distinct events in the log").toBe(EVENTS);
    expect(await contextCounts(data)).toEqual(Array(USERS).fill(EVENTS_EACH));
  } finally {
    await node.kill();
    await nats.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Ids of all acts in the logs; one that was sent twice is there twice. */
async function loggedActs(url: string): Promise<readonly string[]> {
  const connection = await connectNats({ servers: [url], name: "client test" });
  const log = await NatsLog.over(connection);
  const ids: string[] = [];
  for (let shard = 0; shard < SHARDS; shard++) {
    const stream = subjectsOf("resonance").shardLog(shard);
    const { last } = await log.bounds(stream);
    const reader = await log.read(stream, 1);
    for (let read = 0; read < last; ) {
      for (const { sequence, data } of await reader.next(500)) {
        read = sequence;
        for (const entry of decodeEntries(data))
          if (entry.kind === "behaviour" && entry.type !== "identify") ids.push(entry.id);
      }
    }
    await reader.close();
  }
  await connection.close();
  return ids;
}

/** How many events the context of each user has counted. */
async function contextCounts(data: string): Promise<readonly number[]> {
  const folder = (shard: number): string => join(data, "shards", String(shard));
  const stores = Array.from({ length: SHARDS }, (_, shard) => lmdbContextStore(folder(shard)));
  const counts = Array.from({ length: USERS }, (_, number) => {
    const user = `user-${number}`;
    const bytes = stores[shardOf(user, SHARDS)]?.load(user);
    return bytes === undefined ? 0 : decodeContext(user, bytes).events;
  });
  await Promise.all(stores.map((store) => store.close()));
  return counts;
}
