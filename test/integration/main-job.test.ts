import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rotateDeploymentKeys } from "../../src/adapters/deployment-keys.ts";
import { entropyBytes } from "../../src/adapters/entropy.ts";
import { natsBlobStore } from "../../src/adapters/nats-blob-store.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import type { ProfilesReply } from "../../src/gateway/describe-profiles.ts";
import type { ScoreReply, SessionReply } from "../../src/gateway/score.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { type RunningNode, startNode } from "../../src/node.ts";
import { DEFAULT_NODE_OPTIONS } from "../../src/node-options.ts";
import type { ColumnsReply } from "../../src/resonance/join-columns.ts";
import { describeWithNats } from "../adapters/with-nats.ts";
import { untilFolded } from "./node-client.ts";

/** An item that members of this shop have seen: what the encoder does not recognise is no evidence. */
const KNOWN_ITEM = (() => {
  const shop = shopSimulator({ seed: 3, visitors: 300, startMs: Date.UTC(2026, 0, 5) });
  const seen = new Map<string, number>();
  for (let i = 0; i < 4_000; i++) {
    const { user, item } = shop.next();
    if (item !== undefined && shop.isMember(user)) seen.set(item, (seen.get(item) ?? 0) + 1);
  }
  return [...seen].sort(([, a], [, b]) => b - a)[0]?.[0] ?? "none";
})();

await describeWithNats("a node", (suite) => {
  let dataDir: string;
  let node: RunningNode;
  let client: Client;
  const shop = shopSimulator({ seed: 3, visitors: 300, startMs: Date.UTC(2026, 0, 5) });
  const heard: { subject: string; id: string; kind: string }[] = [];

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "resonance-job-"));
    node = await startNode(
      {
        ...DEFAULT_NODE_OPTIONS,
        nats: suite().nats.url,
        dataDir,
        shards: 3,
        publishEveryMs: 100,
        refit: null,
      },
      () => {},
    );
    client = await connectClient(
      { nats: suite().nats.url, data: dataDir, prefix: "resonance" },
      "main job test",
    );
    await client.bus.subscribe(client.subjects.transition("*", "*"), (subject, data) => {
      heard.push({ subject, ...JSON.parse(new TextDecoder().decode(data)) });
    });
  });

  afterAll(async () => {
    await client.close();
    await node.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const until = async <T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> => {
    for (;;) {
      const answer = await ask();
      if (holds(answer)) return answer;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const profiles = async () => ((await client.ask("profiles", {})) as { maps: ProfilesReply[] }).maps[0];

  test("is a micro service that answers to ping", async () => {
    const reply = await client.bus.request("$SRV.PING.resonance", new Uint8Array(), { timeoutMs: 2_000 });
    expect(JSON.parse(new TextDecoder().decode(reply.data))).toMatchObject({ name: "resonance" });
  });

  test("refuses scores until segments are defined, and answers with the prior after that", async () => {
    await expect(client.ask("score", { user: "nobody" })).rejects.toMatchObject({ code: "NO_SEGMENTS" });
    const maps = shop.definitions.maps.map(({ name, segments }) => ({
      name,
      segments: segments.map((one) => one.name),
    }));
    expect(await client.ask("segments.put", { maps })).toEqual({ version: 1 });
    expect(await client.ask("segments.put", { maps })).toEqual({ version: 1 });
    const reply = await until(
      () => client.ask("score", { user: "nobody" }).catch(() => undefined) as Promise<ScoreReply | undefined>,
      (answer) => answer !== undefined,
    );
    expect(reply?.known).toBe(false);
    const sum = reply?.segments.reduce((total, segment) => total + segment.probability, reply.none);
    expect(sum).toBeCloseTo(1, 9);
  });

  test("stores events, publishes profiles of the members, and fits an encoder on command", async () => {
    for (let request = 0; request < 40; request++) {
      const events = Array.from({ length: 100 }, () => toWire(shop.next()));
      expect((await ingest(client, events)).accepted).toBe(100);
    }
    await untilFolded(client);
    const published = await until(profiles, (map) => (map?.version ?? 0) > 0);
    expect(published?.segments.some((segment) => segment.members > 0)).toBe(true);

    const trained = await node.train();
    expect(trained.kind).toBe("fitted");
    const encoder = trained.kind === "fitted" ? trained.encoder : "";
    const switched = await until(
      () => client.ask("score", { user: "visitor-1" }) as Promise<ScoreReply>,
      (reply) => reply.versions.encoder === encoder,
    );
    expect(switched.versions.trained).toBe(true);
    expect(switched.versions.profiles["shopper"]).toBeGreaterThan(0);
    // Every shard switches at its own log's entry; none is left behind.
    await untilFolded(client);
  });

  test("answers in MessagePack when asked in MessagePack", async () => {
    const reply = await client.bus.request(client.subjects.api("score"), encode({ user: "visitor-2" }), {
      timeoutMs: 2_000,
      contentType: "application/msgpack",
    });
    expect(reply.contentType).toBe("application/msgpack");
    expect(decode(reply.data)).toMatchObject({ user: "visitor-2", map: "shopper" });
  });

  test("a shard asked by a service itself tells what the gateway tells", async () => {
    for (let i = 0; i < 20; i++) {
      const user = `visitor-${i}`;
      const direct = (await client.ask(`score.shard.${shardOf(user, 3)}`, { user })) as ScoreReply;
      const { ages, decision, position, ...told } = (await client.ask("score", { user })) as ScoreReply;
      expect(direct).toMatchObject({ ...told, position: { shard: position.shard } });
      expect(direct.decision).not.toBe(decision);
    }
    const wrong = (shardOf("visitor-1", 3) + 1) % 3;
    await expect(client.ask(`score.shard.${wrong}`, { user: "visitor-1" })).rejects.toMatchObject({
      code: "WRONG_SHARD",
      retryable: false,
    });
  });

  test("a thousand users fit into one answer as columns", async () => {
    const users = Array.from({ length: 1_000 }, (_, i) => `visitor-${i % 400}`);
    const request = encode({ users, format: "columns", fields: ["similarities"] });
    const reply = await client.bus.request(client.subjects.api("score.batch"), request, {
      timeoutMs: 5_000,
      contentType: "application/msgpack",
    });
    const columns = decode(reply.data) as ColumnsReply<Uint8Array>;
    expect(columns).toMatchObject({ map: "shopper", users: 1_000 });
    const cells = new Float32Array(columns.probabilities.slice().buffer);
    expect(cells.length).toBe(1_000 * columns.segments.length);
    for (const row of [0, 1, 399, 999]) {
      const single = (await client.ask("score", { user: users[row] })) as ScoreReply;
      for (const [k, segment] of single.segments.entries())
        expect(cells[row * columns.segments.length + k]).toBeCloseTo(segment.probability, 6);
    }
    const { answers } = (await client.ask("score.batch", { users, top: 1 })) as { answers: ScoreReply[] };
    expect(answers.every((answer) => answer.segments.length === 1)).toBe(true);
  });

  test("a score that asks for a position contains the event stored there", async () => {
    const event = {
      id: "mine",
      user: "fresh-user",
      type: "view",
      ts: Date.UTC(2026, 1, 1),
      item: KNOWN_ITEM,
    };
    const { positions } = await ingest(client, [event]);
    const reply = (await client.ask("score", { user: "fresh-user", atLeast: positions })) as ScoreReply;
    expect(reply.known).toBe(true);
    expect(reply.evidence).toBeCloseTo(1, 6);
    expect(reply.position).toEqual(positions[0]);
    await expect(
      client.ask("score", { user: "fresh-user", atLeast: { ...positions[0], sequence: 1_000_000 } }),
    ).rejects.toMatchObject({ code: "NOT_CAUGHT_UP", retryable: true });
  });

  test("an event that is sent twice counts once", async () => {
    const event = {
      id: "once",
      user: "twice-user",
      type: "view",
      ts: Date.UTC(2026, 1, 1),
      item: KNOWN_ITEM,
    };
    await ingest(client, [event, { ...event, id: "other" }]);
    const { positions } = await ingest(client, [event]);
    const reply = (await client.ask("score", { user: "twice-user", atLeast: positions })) as ScoreReply;
    expect(reply.evidence).toBeCloseTo(2, 6);
  });

  test("batches keep their order over the shards, and a session is told without being stored", async () => {
    const users = Array.from({ length: 50 }, (_, i) => `visitor-${50 - i}`);
    const batch = (await client.ask("score.batch", { users })) as { answers: readonly ScoreReply[] };
    expect(batch.answers.map((answer) => answer.user)).toEqual(users);
    const events = [
      { id: "s1", user: "passer-by", type: "view", ts: Date.UTC(2026, 1, 1), item: KNOWN_ITEM },
    ];
    const session = (await client.ask("score.session", { events })) as ScoreReply;
    expect(session.evidence).toBeCloseTo(1, 6);
    expect(((await client.ask("score", { user: "passer-by" })) as ScoreReply).known).toBe(false);
  });

  test("a session whose token is sent along is told as a stored user is, also over a rotation of keys", async () => {
    const ts = Date.UTC(2026, 1, 1);
    const acts = Array.from({ length: 6 }, (_, i) => ({
      id: `t${i}`,
      user: "token-bearer",
      type: i % 2 === 0 ? "view" : "click",
      ts: ts + i * 60_000,
      item: KNOWN_ITEM,
    }));
    let token: string | undefined;
    let session: SessionReply | undefined;
    for (const act of acts) {
      const carried = token === undefined ? {} : { token };
      session = (await client.ask("score.session", { events: [act], ...carried })) as SessionReply;
      token = session.token;
      if (act.id === "t2") await rotateKeys(suite().nats.url);
    }
    expect(((await client.ask("score", { user: "token-bearer" })) as ScoreReply).known).toBe(false);
    const { positions } = await ingest(client, acts);
    const stored = (await client.ask("score", { user: "token-bearer", atLeast: positions })) as ScoreReply;
    expect(session).toMatchObject({ segments: stored.segments, evidence: stored.evidence, carried: "all" });
    await expect(client.ask("score.session", { events: [], token: `${token}x` })).rejects.toMatchObject({
      code: "BAD_TOKEN",
    });
  });

  test("a relabelled member moves from one profile to the other", async () => {
    const label = async (segment: string) => {
      const ts = Date.UTC(2026, 1, 1);
      const identify = {
        id: `label-${segment}`,
        user: "mover",
        type: "identify",
        ts,
        segments: { shopper: segment },
      };
      await ingest(client, [identify, { id: `act-${segment}`, user: "mover", type: "view", ts: ts + 1_000 }]);
      await untilFolded(client);
    };
    const members = async () =>
      new Map((await profiles())?.segments.map((one) => [one.segment, one.members]));
    const before = await members();
    const of = (held: Map<string, number>, segment: string) =>
      (held.get(segment) ?? 0) - (before.get(segment) ?? 0);
    await label("browsers");
    await until(members, (held) => of(held, "browsers") === 1);
    await label("researchers");
    const after = await until(members, (held) => of(held, "researchers") === 1);
    expect(of(after, "browsers")).toBe(0);
  });

  test("transitions are published once each, with ids", async () => {
    for (let request = 0; request < 10; request++) {
      await ingest(
        client,
        Array.from({ length: 100 }, () => toWire(shop.next())),
      );
    }
    await untilFolded(client);
    await until(
      async () => heard.length,
      (count) => count > 0,
    );
    expect(new Set(heard.map((one) => one.id)).size).toBe(heard.length);
    expect(heard[0]?.subject).toMatch(/^resonance\.v1\.transitions\.shopper\./);
  });

  test("status tells every shard ready and nothing left to fold", async () => {
    const status = await untilFolded(client);
    expect(status).toMatchObject({ ready: true, lag: 0 });
    expect(status.shards).toHaveLength(3);
  });

  test("a deployment keeps its number of shards", async () => {
    const other = { ...DEFAULT_NODE_OPTIONS, nats: suite().nats.url, dataDir: `${dataDir}/other`, shards: 4 };
    await expect(startNode(other, () => {})).rejects.toMatchObject({ code: "SHARDS_FIXED" });
  });
});

async function rotateKeys(url: string): Promise<void> {
  const connection = await connectNats({ servers: [url], name: "rotation" });
  await rotateDeploymentKeys(await natsBlobStore(connection, subjectsOf("resonance")), entropyBytes);
  await connection.close();
}
