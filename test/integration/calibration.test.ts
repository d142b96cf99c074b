import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import type { ProfilesReply } from "../../src/gateway/describe-profiles.ts";
import type { ScoreReply } from "../../src/gateway/score.ts";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import { type RunningNode, startNode } from "../../src/node.ts";
import { DEFAULT_NODE_OPTIONS } from "../../src/node-options.ts";
import { describeWithNats } from "../adapters/with-nats.ts";
import { untilFolded } from "./node-client.ts";

const START_MS = Date.UTC(2026, 0, 5);
const SEGMENTS = ["calm", "wild"];
const MAPS = [
  { name: "taste", segments: SEGMENTS, threshold: { precision: 0.9 } },
  { name: "crowd", segments: SEGMENTS, threshold: { precision: 0.9 }, prior: "traffic" },
];

let serial = 0;

/** A view of something that one of the segments likes four times in five. */
function aView(user: string, segment: number, random: Random, likes = 0.8) {
  const own = random() < likes;
  const item = own ? `own-${segment}-${Math.floor(random() * 9)}` : `common-${Math.floor(random() * 30)}`;
  serial++;
  return { id: `view-${serial}`, user, type: "view", ts: START_MS + serial * 1_000, item };
}

/** Members or strangers, and all that they do. */
function someUsers(given: { name: string; users: number; wild: number; seed: number; areMembers: boolean }) {
  const random = seededRandom(given.seed);
  return Array.from({ length: given.users }, (_, i) => {
    const user = `${given.name}-${i}`;
    const segment = i < given.users * given.wild ? 1 : 0;
    const label = SEGMENTS[segment];
    const identify = { id: `identify-${user}`, user, type: "identify", ts: START_MS };
    const views = Array.from({ length: 6 + Math.floor(random() * 8) }, () => aView(user, segment, random));
    return [
      ...(given.areMembers ? [{ ...identify, segments: { taste: label, crowd: label } }] : []),
      ...views,
    ];
  }).flat();
}

await describeWithNats("calibrations of a node", (suite) => {
  let dataDir: string;
  let node: RunningNode;
  let client: Client;
  const heard: { map: string; segment: string; user: string; kind: string; probability: number }[] = [];

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "resonance-calibration-"));
    node = await startNode(
      {
        ...DEFAULT_NODE_OPTIONS,
        nats: suite().nats.url,
        dataDir,
        shards: 2,
        publishEveryMs: 100,
        refit: null,
        recalibrateEveryMs: Number.POSITIVE_INFINITY,
      },
      () => {},
    );
    client = await connectClient({ nats: suite().nats.url, data: dataDir, prefix: "resonance" }, "test");
    await client.bus.subscribe(client.subjects.transition("*", "*"), (_, data) => {
      heard.push(JSON.parse(new TextDecoder().decode(data)));
    });
    await client.ask("segments.put", { maps: MAPS });
  });

  afterAll(async () => {
    await client.close();
    await node.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const send = async (events: readonly object[]): Promise<void> => {
    for (let at = 0; at < events.length; at += 500) {
      const batch = events.slice(at, at + 500);
      expect((await ingest(client, batch)).accepted).toBe(batch.length);
    }
    await untilFolded(client);
  };
  const append = async (event: object): Promise<readonly unknown[]> =>
    ((await client.ask("ingest", event)) as { positions: readonly unknown[] }).positions;
  const profiles = async (map: string): Promise<ProfilesReply> =>
    ((await client.ask("profiles", { map, curve: true })) as { maps: ProfilesReply[] }).maps[0]!;
  const until = async <T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> => {
    for (;;) {
      const answer = await ask();
      if (holds(answer)) return answer;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const offOf = ({ segments }: ProfilesReply) => segments.map(({ off }) => off ?? "on");

  test("before a fit a threshold by precision is off, says why, and nobody resonates", async () => {
    await send(someUsers({ name: "member", users: 400, wild: 0.5, seed: 1, areMembers: true }));
    await send(someUsers({ name: "stranger", users: 400, wild: 0.9, seed: 2, areMembers: false }));
    const published = await until(
      () => profiles("taste"),
      ({ version }) => version > 0,
    );
    expect(offOf(published)).toEqual(["not-fitted", "not-fitted"]);
    expect(published.quality).toBeNull();
    const { segments } = (await client.ask("score", { user: "stranger-0", map: "taste" })) as ScoreReply;
    expect(segments.map(({ resonating }) => resonating)).toEqual([false, false]);
    expect(heard).toEqual([]);
  });

  test("a fit turns it on; a map of the traffic's shares stays off until those are told", async () => {
    expect(await node.train()).toMatchObject({ kind: "fitted" });
    const taste = await until(
      () => profiles("taste"),
      (map) => offOf(map).join() === "on,on",
    );
    expect(taste.quality).toMatchObject({ prior: "members", users: 400 });
    expect(taste.quality?.curves.map(({ segment }) => segment)).toEqual(SEGMENTS);
    expect(offOf(await profiles("crowd"))).toEqual(["not-fitted", "not-fitted"]);
  });

  test("users enter at the threshold and leave at the lower one", async () => {
    const random = seededRandom(5);
    const threshold = (await profiles("taste")).segments[0]?.threshold;
    if (threshold == null) throw new Error("it is on");
    const seen: { probability: number; resonating: boolean }[] = [];
    for (let i = 0; i < 60; i++) {
      const [atLeast] = await append(aView("wanderer", i < 12 ? 0 : 1, random, 1));
      const reply = (await client.ask("score", { user: "wanderer", map: "taste", atLeast })) as ScoreReply;
      const { probability, resonating } = reply.segments[0]!;
      seen.push({ probability, resonating });
    }
    let was = false;
    for (const { probability, resonating } of seen) {
      was = probability >= (was ? threshold.leave : threshold.enter);
      expect(resonating).toBe(was);
    }
    const moves = heard.filter(
      (one) => one.user === "wanderer" && one.map === "taste" && one.segment === "calm",
    );
    expect(moves.map(({ kind }) => kind)).toEqual(["entered", "left"]);
    expect(moves[0]!.probability).toBeGreaterThanOrEqual(threshold.enter);
    expect(moves[1]!.probability).toBeLessThan(threshold.leave);
  });

  test("a calibration on command takes new members for strangers and the crowd's shares from the anonymous", async () => {
    await send(someUsers({ name: "newcomer", users: 100, wild: 0.5, seed: 3, areMembers: true }));
    const result = await node.calibrate();
    if (result.kind === "failed") throw new Error(result.error.message);
    const [taste, crowd] = result.maps;
    expect(taste).toMatchObject({ map: "taste", users: 500, fresh: 100, traffic: 0 });
    expect(crowd).toMatchObject({ map: "crowd", users: 500, fresh: 100, traffic: 401 });
    for (const { after } of result.maps) expect(after.logLoss).toBeLessThan(Math.log(2));
    const told = await until(
      () => profiles("crowd"),
      (map) => map.quality?.prior === "traffic",
    );
    expect(offOf(told)[1]).toBe("on");
    const nobody = (await client.ask("score", { user: "nobody", map: "crowd" })) as ScoreReply;
    expect(nobody.segments[1]!.probability).toBeGreaterThan(0.75); // Nine in ten of the strangers are wild.
    const member = (await client.ask("score", { user: "nobody", map: "taste" })) as ScoreReply;
    expect(member.segments[1]!.probability).toBeLessThan(0.6);
  });

  test("the same members give the same calibrations, under the same name", async () => {
    const first = await node.calibrate();
    if (first.kind === "failed") throw new Error(first.error.message);
    const again = await node.calibrate();
    expect(again).toMatchObject({ kind: "calibrated", calibration: first.calibration });
  });
});
