import { Buffer } from "node:buffer";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import type { ExplainReply } from "../../src/explain.ts";
import type { ScoreReply } from "../../src/gateway/score.ts";
import { fromWireError } from "../../src/kernel/engine-error.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { type RunningNode, startNode } from "../../src/node.ts";
import { DEFAULT_NODE_OPTIONS } from "../../src/node-options.ts";
import type { Part } from "../../src/resonance/explanation.ts";
import { describeWithNats } from "../adapters/with-nats.ts";
import { untilFolded } from "./node-client.ts";

const SHARDS = 2;
const JSON_TYPE = "application/json";
const MSGPACK = "application/msgpack";

type Served = Readonly<{ user: string; type: string; bytes: Uint8Array; answer: ScoreReply }>;

await describeWithNats("explanations of a node", (suite) => {
  let dataDir: string;
  let node: RunningNode;
  let client: Client;
  const shop = shopSimulator({ seed: 5, visitors: 200, startMs: Date.UTC(2026, 0, 5) });
  const served: Served[] = [];

  const start = async (): Promise<void> => {
    const options = { nats: suite().nats.url, dataDir, shards: SHARDS, publishEveryMs: 100, refit: null };
    node = await startNode({ ...DEFAULT_NODE_OPTIONS, ...options, snapshotEveryMs: Infinity }, () => {});
  };
  const act = async (requests: number): Promise<void> => {
    for (let request = 0; request < requests; request++)
      await ingest(
        client,
        Array.from({ length: 100 }, () => toWire(shop.next())),
      );
    await untilFolded(client);
  };
  const ask = async (endpoint: string, body: unknown, contentType: string): Promise<Uint8Array> => {
    const data = contentType === MSGPACK ? encode(body) : Buffer.from(JSON.stringify(body));
    const options = { timeoutMs: 60_000, contentType };
    const reply = await client.bus.request(client.subjects.api(endpoint), data, options);
    if (reply.error !== undefined) throw fromWireError(reply.error);
    return reply.data;
  };
  const read = (bytes: Uint8Array, type: string): unknown =>
    type === MSGPACK ? decode(bytes) : JSON.parse(Buffer.from(bytes).toString());
  /** Keeps what some visitors are answered, each in both types. */
  const serve = async (): Promise<void> => {
    for (let i = 0; i < 12; i++)
      for (const type of [JSON_TYPE, MSGPACK]) {
        const user = `visitor-${i}`;
        const bytes = await ask("score", { user }, type);
        served.push({ user, type, bytes, answer: read(bytes, type) as ScoreReply });
      }
  };
  const explainedAgain = async (): Promise<void> => {
    for (const { user, type, bytes, answer } of served) {
      const reply = await ask("explain", { decision: answer.decision }, type);
      const told = read(reply, type) as ExplainReply;
      if (!answer.known) expect(told.answer).toEqual({ ...answer, user: "" });
      else if (type === JSON_TYPE)
        expect(Buffer.from(reply).indexOf(bytes), `${user}, byte by byte`).toBe('{"answer":'.length);
      else expect(Buffer.from(encode(told.answer)).equals(encode(answer)), user).toBe(true);
      const { explanation, atMs } = told;
      const sum = (parts: readonly Part[]) => parts.reduce((total, { value }) => total + value, 0);
      for (const { value, bySource, byEvent } of [explanation.lead, ...explanation.segments]) {
        expect(Math.abs(sum(bySource) - value)).toBeLessThan(1e-3);
        expect(Math.abs(sum(byEvent) - value)).toBeLessThan(1e-3);
      }
      expect(Math.abs(atMs - Date.now())).toBeLessThan(600_000);
      for (const event of explanation.events) expect(event.id).toBeDefined();
    }
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "resonance-explain-"));
    await start();
    const address = { nats: suite().nats.url, data: dataDir, prefix: "resonance" };
    client = await connectClient(address, "explain test");
    const maps = shop.definitions.maps.map(({ name, segments }) => ({
      name,
      segments: segments.map((one) => one.name),
    }));
    await client.ask("segments.put", { maps });
    await act(10);
  }, 60_000);

  afterAll(async () => {
    await client.close();
    await node.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  test("decisions are replayed bit for bit, whatever came after them: events, profiles, an encoder, a restart", async () => {
    await serve(); // Under the untrained encoder, and whatever profiles there are.
    await act(5);
    await serve();
    const trained = await node.train();
    const encoder = trained.kind === "fitted" ? trained.encoder : "";
    for (;;) {
      const reply = (await client.ask("score", { user: "visitor-1" })) as ScoreReply;
      if (reply.versions.encoder === encoder) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await act(5);
    await serve();
    await explainedAgain();
    await node.stop();
    await start();
    await act(3);
    await explainedAgain();
    expect(new Set(served.map(({ answer }) => answer.versions.encoder)).size).toBe(2);
    expect(new Set(served.map(({ answer }) => answer.versions.profiles["shopper"])).size).toBeGreaterThan(2);
  }, 120_000);

  test("a user is explained as they are now, and a score explains itself", async () => {
    const user = served.find(({ answer }) => answer.known)?.user ?? "";
    const now = (await client.ask("score", { user })) as ScoreReply;
    const told = (await client.ask("explain", {
      user,
      segments: [now.segments[0]?.segment],
    })) as ExplainReply;
    expect(told.answer.segments).toEqual(now.segments);
    expect(told.explanation).toMatchObject({ map: "shopper", method: "exact" });
    expect(told.explanation.thresholds).toHaveLength(now.segments.length);
    const again = (await ask("explain", { decision: told.answer.decision }, JSON_TYPE)) as Uint8Array;
    expect((read(again, JSON_TYPE) as ExplainReply).answer).toEqual(told.answer);

    const explained = (await client.ask("score", { user, explain: true, top: 2 })) as ScoreReply & {
      explanation: ExplainReply["explanation"];
    };
    expect(explained.segments).toHaveLength(2);
    expect(explained.explanation.lead).toEqual(told.explanation.lead);
    const direct = client.ask(`score.shard.${shardOf(user, SHARDS)}`, { user, explain: true });
    await expect(direct).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });

  test("somebody unknown has the prior, and nothing to flip it", async () => {
    const told = (await client.ask("explain", { user: "nobody-at-all" })) as ExplainReply;
    expect(told.answer.known).toBe(false);
    expect(told.explanation).toMatchObject({ events: [], flip: { newest: null, fewest: null } });
    await expect(client.ask("explain", { user: "ada", segments: ["no-such"] })).rejects.toMatchObject({
      code: "UNKNOWN_SEGMENT",
    });
    await expect(client.ask("explain", { user: "ada", map: "no-such" })).rejects.toMatchObject({
      code: "UNKNOWN_MAP",
    });
  });

  test("of many questions at once those are refused that would have to wait for long", async () => {
    const { decision } = served.findLast(({ answer }) => answer.known)?.answer ?? { decision: "" };
    const questions = Array.from({ length: 40 }, () => client.ask("explain", { decision }));
    const outcomes = await Promise.allSettled(questions);
    const refused = outcomes.filter((one) => one.status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(40);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: "OVERLOADED", retryable: true });
  });

  test("decisions that hang on nothing stored say so, and a trimmed log makes others too old", async () => {
    const events = [{ id: "s1", user: "passer-by", type: "view", ts: Date.UTC(2026, 1, 1), item: "x" }];
    const session = (await client.ask("score.session", { events })) as ScoreReply;
    const columns = (await client.ask("score.batch", {
      users: ["visitor-1"],
      format: "columns",
    })) as ScoreReply;
    for (const { decision } of [session, columns])
      await expect(client.ask("explain", { decision })).rejects.toMatchObject({ code: "DECISION_NOT_KEPT" });

    const connection = await connectNats({ servers: [suite().nats.url], name: "trimming" });
    const log = await NatsLog.over(connection);
    for (let shard = 0; shard < SHARDS; shard++)
      await log.trim(client.subjects.shardLog(shard), 20, Number.POSITIVE_INFINITY);
    await connection.close();
    const { decision } = served.find(({ answer }) => answer.known)?.answer ?? { decision: "" };
    await expect(client.ask("explain", { decision })).rejects.toMatchObject({
      code: "DECISION_TOO_OLD",
      retryable: false,
    });
  });
});
