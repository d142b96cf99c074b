import { expect, test } from "vitest";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { LiveMaps } from "../../src/console/live-map.ts";
import type { PlaneFrame, PointsFrame } from "../../src/console/map-frame.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import type { LatelyReply, LatelyRequest } from "../../src/resonance/lately-answer.ts";
import type { PublishedProfiles } from "../../src/resonance/published-profiles.ts";

const NOW_MS = 1_767_225_600_000;
const NOBODY = { users: [], hidden: [], x: [], y: [], segment: [], probability: [], atMs: [] } as const;

/** Two shards of which the tests say what they tell, and rounds of questions that the tests turn. */
async function aWorld() {
  const bus = memoryBus(() => () => undefined);
  const subjects = subjectsOf("resonance");
  const asked: LatelyRequest[][] = [[], []];
  const replies: Partial<LatelyReply>[] = [{}, {}];
  for (const shard of [0, 1])
    await bus.serve(subjects.shard(shard, "lately"), ({ data }) => {
      asked[shard]?.push(decode(data) as LatelyRequest);
      const reply = { epoch: 1, turn: 1, erasures: 0, events: 0, ...NOBODY, ...replies[shard] };
      return { data: encode(reply), contentType: "application/msgpack" };
    });
  const releases = memoryBlobStore();
  const published: PublishedProfiles = {
    ...{ map: "life", mode: "exclusive", version: 3, encoder: "e", dim: 2, watermarkMs: 0, background: 0 },
    profiles: [
      { segment: "new", members: 5, centroid: Float32Array.of(1, 0) },
      { segment: "loyal", members: 5, centroid: Float32Array.of(0, 1) },
    ],
    calibration: defaultCalibration("e", "life", 2),
    threshold: { enter: 0.5, minEvidence: 1 },
  };
  await releases.put("profiles.life.3", new Uint8Array([3]));
  await releases.put("profiles.life.current", new TextEncoder().encode('{"version":3}'));
  let turns: (() => void)[] = [];
  let passedMs = 0;
  const live = new LiveMaps(
    {
      ...{ bus, subjects, releases, ownerOf: () => undefined, decodeProfiles: () => published },
      clock: { nowMs: () => NOW_MS, monotonicMs: () => passedMs },
      sleep: (ms) => {
        passedMs += ms;
        return new Promise((resolve) => turns.push(resolve));
      },
    },
    2,
  );
  const ending = new AbortController();
  const planes: PlaneFrame[] = [];
  const points: PointsFrame[] = [];
  const watching = live.watch("life", "exclusive", {
    plane: (frame) => planes.push(frame) > 0,
    points: (frame) => points.push(frame) > 0,
    ended: ending.signal,
  });
  /** Lets the shards be asked once more, and what they tell be told. */
  const round = async (): Promise<void> => {
    const before = points.length;
    await expect.poll(() => turns.length).toBeGreaterThan(0);
    for (const turn of turns.splice(0)) turn();
    await expect.poll(() => points.length).toBeGreaterThan(before);
  };
  await expect.poll(() => planes.at(-1)?.version).toBe(3);
  return {
    ...{ live, asked, replies, planes, points, round },
    end: async () => {
      ending.abort();
      for (const turn of turns) turn();
      turns = [];
      await watching;
    },
  };
}

const told = (user: string): Partial<LatelyReply> => ({
  ...{ users: [user], x: [0.1], y: [0.2], segment: [0], probability: [0.9], atMs: [NOW_MS] },
});

test("who looks is told the plane of the newest profiles, and then who is where", async () => {
  const { live, planes, points, replies, round, end } = await aWorld();
  replies[0] = told("ada");
  await round();
  expect(planes.at(-1)?.segments.map(({ segment }) => segment)).toEqual(["new", "loyal"]);
  expect(points.at(-1)).toMatchObject({
    n: [1],
    x: [1_000],
    y: [2_000],
    active: 1,
    silentShards: 0,
    shards: 2,
  });
  expect(live.userOf("life", 1)).toBe("ada");
  await end();
});

test("a shard is asked for what came after what it has told", async () => {
  const { asked, replies, round, end } = await aWorld();
  replies[0] = { turn: 7 };
  await round();
  await round();
  expect(asked[0]?.at(-1)?.since).toBe(7);
  await end();
});

test("once somebody was erased, or the shard has another owner, what it has told is dropped and asked for anew", async () => {
  for (const news of [{ erasures: 1 }, { epoch: 2 }]) {
    const { asked, live, points, replies, round, end } = await aWorld();
    replies[0] = { ...told("ada"), turn: 7 };
    await round();
    replies[0] = { turn: 8, ...news };
    await round();
    expect(points.at(-1)).toMatchObject({ gone: [1], active: 0 });
    expect(live.userOf("life", 1)).toBeUndefined();
    await round();
    expect(asked[0]?.at(-1)?.since).toBe(0);
    await end();
  }
});

test("once nobody looks, nobody is asked any more", async () => {
  const { asked, round, end } = await aWorld();
  await round();
  await end();
  const before = asked[0]?.length;
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked[0]?.length).toBe(before);
});
