import { Buffer } from "node:buffer";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import type { ExplainReply } from "../../src/explain.ts";
import type { ProfilesReply } from "../../src/gateway/describe-profiles.ts";
import type { ScoreReply } from "../../src/gateway/score.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { type RunningNode, startNode } from "../../src/node.ts";
import { DEFAULT_NODE_OPTIONS } from "../../src/node-options.ts";
import type { Part } from "../../src/resonance/explanation.ts";
import { describeWithNats } from "../adapters/with-nats.ts";
import { untilFolded } from "./node-client.ts";

const SHARDS = 2;
const START_MS = Date.UTC(2026, 0, 5);
const SEGMENTS = ["alpine", "coastal"];
const REFERRER = "https://www.google.com/search?q=shoes+for+my+wedding";
const GERMAN = { referrer: REFERRER, language: "de-CH,de;q=0.9" };
const ENGLISH = { referrer: REFERRER, language: "en-GB,en;q=0.8" };

/** Members, all from a search: four in five alpine ones read German, and four in five of the others English. */
function someMembers(users: number) {
  const random = seededRandom(4);
  return Array.from({ length: users }, (_, i) => {
    const user = `member-${i}`;
    const segment = i % 2;
    const own = random() < 0.8;
    const context = (segment === 0) === own ? GERMAN : ENGLISH;
    const act = (n: number) => ({
      id: `${user}-${n}`,
      user,
      type: "view",
      ts: START_MS + i * 60_000 + n * 1_000,
      item: random() < 0.3 ? `own-${segment}` : `common-${Math.floor(random() * 20)}`,
    });
    return [
      { id: `identify-${user}`, user, type: "identify", ts: START_MS, segments: { home: SEGMENTS[segment] } },
      { ...act(0), context },
      act(1),
      act(2),
    ];
  }).flat();
}

await describeWithNats("visitors of whom a node knows nothing but how they came", (suite) => {
  let dataDir: string;
  let node: RunningNode;
  let client: Client;

  const start = async (): Promise<void> => {
    const options = { nats: suite().nats.url, dataDir, shards: SHARDS, publishEveryMs: 100, refit: null };
    const never = Number.POSITIVE_INFINITY;
    node = await startNode(
      { ...DEFAULT_NODE_OPTIONS, ...options, recalibrateEveryMs: never, snapshotEveryMs: never },
      () => {},
    );
  };
  const score = async (request: object): Promise<ScoreReply> =>
    (await client.ask("score", request)) as ScoreReply;
  const alpine = ({ segments }: ScoreReply): number => segments[0]!.probability;
  const learnt = async (): Promise<NonNullable<ProfilesReply["calibration"]>["context"]> =>
    ((await client.ask("profiles", {})) as { maps: ProfilesReply[] }).maps[0]?.calibration?.context;
  /** Until the shards, too, have what the profile actor published. */
  const untilServed = async (): Promise<void> => {
    for (;;) {
      const [bare, came] = [
        await score({ user: "nobody" }),
        await score({ user: "nobody", context: GERMAN }),
      ];
      if ((await learnt()) !== undefined && alpine(came) > alpine(bare) + 0.05) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "resonance-cold-start-"));
    await start();
    client = await connectClient({ nats: suite().nats.url, data: dataDir, prefix: "resonance" }, "test");
    await client.ask("segments.put", { maps: [{ name: "home", segments: SEGMENTS }] });
    const events = someMembers(600);
    for (let at = 0; at < events.length; at += 500) {
      const batch = events.slice(at, at + 500);
      expect((await ingest(client, batch)).accepted).toBe(batch.length);
    }
    await untilFolded(client);
  }, 60_000);

  afterAll(async () => {
    await client.close();
    await node.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  test("before a fit a context says nothing; after one it is told at once, for zero-history users and sessions", async () => {
    expect(alpine(await score({ user: "nobody", context: GERMAN }))).toBe(
      alpine(await score({ user: "nobody" })),
    );
    expect(await node.train()).toMatchObject({ kind: "fitted" });
    await untilServed();
    const [bare, german, english] = [
      await score({ user: "nobody" }),
      await score({ user: "nobody", context: GERMAN }),
      await score({ user: "nobody", context: ENGLISH }),
    ];
    expect(german.known).toBe(false);
    expect(alpine(german)).toBeGreaterThan(0.7);
    expect(alpine(bare)).toBeCloseTo(0.5, 1);
    expect(alpine(english)).toBeLessThan(0.3);
    const session = await client.ask("score.session", { events: [], context: GERMAN });
    expect(alpine(session as ScoreReply)).toBe(alpine(german));
    // All come from the same place: that tells nothing.
    const { levels, weights, gain } = (await learnt())!;
    expect(levels.map(({ field }) => field)).toEqual(["language"]);
    expect(weights[0]).toBeGreaterThan(0.9);
    expect(gain.without - gain.logLoss).toBeGreaterThan(0.1);
  }, 60_000);

  test("who has acted keeps the context of their first act, and a decision is replayed with it, also after a restart", async () => {
    const act = { id: "first", user: "visitor", type: "view", ts: START_MS + 9e8, item: "common-1" };
    await client.ask("ingest", { ...act, context: ENGLISH });
    await client.ask("ingest", { ...act, id: "second", ts: act.ts + 1, context: GERMAN });
    await untilFolded(client);
    const subject = client.subjects.api("score");
    const bytes = async () => {
      const body = Buffer.from(JSON.stringify({ user: "visitor", context: GERMAN }));
      return (await client.bus.request(subject, body, { timeoutMs: 10_000, contentType: "application/json" }))
        .data;
    };
    const served = await bytes();
    const answer = JSON.parse(Buffer.from(served).toString()) as ScoreReply;
    expect(alpine(answer)).toBeLessThan(0.45);
    const explained = async () => {
      const body = Buffer.from(JSON.stringify({ decision: answer.decision }));
      const how = { timeoutMs: 60_000, contentType: "application/json" };
      return Buffer.from((await client.bus.request(client.subjects.api("explain"), body, how)).data);
    };
    const reply = await explained();
    expect(reply.indexOf(served)).toBe('{"answer":'.length);
    const { explanation } = JSON.parse(reply.toString()) as ExplainReply;
    const sum = (parts: readonly Part[]) => parts.reduce((all, { value }) => all + value, 0);
    for (const { value, bySource, byEvent } of [explanation.lead, ...explanation.segments])
      for (const parts of [bySource, byEvent]) {
        expect(parts.some(({ kind }) => kind === "context")).toBe(true);
        expect(Math.abs(sum(parts) - value)).toBeLessThan(1e-3);
      }
    await node.stop();
    await start();
    await untilFolded(client);
    expect((await explained()).indexOf(served)).toBe('{"answer":'.length);
    const again = JSON.parse(Buffer.from(await bytes()).toString()) as ScoreReply;
    expect(again.segments).toEqual(answer.segments);
  }, 90_000);

  test("an answer by a request's context is explained with it, and not replayed", async () => {
    const { decision } = await score({ user: "nobody", context: GERMAN });
    await expect(client.ask("explain", { decision })).rejects.toMatchObject({ code: "DECISION_NOT_KEPT" });
    const { answer, explanation } = (await client.ask("explain", {
      user: "nobody",
      context: GERMAN,
    })) as ExplainReply;
    expect(answer.segments).toEqual((await score({ user: "nobody", context: GERMAN })).segments);
    expect(explanation.lead.bySource.find(({ kind }) => kind === "context")?.value).toBeGreaterThan(0.8);
    const inAnswer = await score({ user: "nobody", context: GERMAN, explain: true });
    expect(inAnswer.segments).toEqual(answer.segments);
  });

  test("a calibration on command learns contexts anew, from what the shards hold", async () => {
    const result = await node.calibrate();
    if (result.kind === "failed") throw new Error(result.error.message);
    await untilServed();
    expect((await learnt())?.gain.members).toBe(600);
    expect(alpine(await score({ user: "nobody", context: ENGLISH }))).toBeLessThan(0.3);
  }, 60_000);

  test("nothing of what was searched for is in the log, only where", async () => {
    const connection = await connectNats({ servers: [suite().nats.url], name: "reading" });
    const log = await NatsLog.over(connection);
    let isFound = false;
    for (let shard = 0; shard < SHARDS; shard++) {
      const stream = client.subjects.shardLog(shard);
      const { first, last } = await log.bounds(stream);
      const reader = await log.read(stream, first);
      for (let sequence = 0; sequence < last; ) {
        for (const message of await reader.next(100)) {
          sequence = message.sequence;
          const text = Buffer.from(message.data).toString("latin1");
          isFound ||= text.includes("google.com");
          expect(text).not.toMatch(/wedding|de-CH/);
        }
      }
      await reader.close();
    }
    await connection.close();
    expect(isFound).toBe(true);
  });
});
