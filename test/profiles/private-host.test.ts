import { expect, test } from "vitest";
import type { BusReply } from "../../src/actors/bus.ts";
import type { UnitCopy } from "../../src/actors/unit-copy.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { encodeProfileControl } from "../../src/events/profile-control.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { PRIVATE_TABLE } from "../../src/profiles/private-releases.ts";
import { startProfileHost } from "../../src/profiles/profile-host.ts";
import type { PrivacyReply, ProfileStatus } from "../../src/profiles/profile-messages.ts";
import { decodeProfiles } from "../../src/profiles/profiles-codec.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import { insecureBits } from "../privacy/insecure-seeded-bits.ts";
import { aPrivateMap } from "./private-world.ts";
import { aMap, aSample, DAY_MS, NOON_MS } from "./some-samples.ts";

const subjects = subjectsOf("test");

test("what is published has its noise in the log before, and is nothing but that", async () => {
  const world = await aWorld([aPrivateMap()]);
  const host = await world.own(1);
  await world.crowd(100, 0);
  await world.passDays(1);
  const published = await world.published("life");
  const kinds = await world.controls();
  const drawn = kinds.lastIndexOf("noised");
  expect(kinds.filter((kind) => kind === "noised")).toHaveLength(4); // The day, and the window before it.
  expect(kinds.indexOf("clock")).toBeLessThan(kinds.indexOf("noised"));
  expect(kinds.indexOf("publish", drawn)).toBeGreaterThan(drawn);
  expect(published.profiles[0]?.members).toBeGreaterThan(20);
  expect(published.privacy).toMatchObject({ epsilon: 100, buckets: 3 });
  await world.stop(host);
});

test("a private map is published when a bucket is noised, and not because somebody did something", async () => {
  const world = await aWorld([aPrivateMap(), aMap({ name: "taste" })]);
  const host = await world.own(1);
  await world.crowd(10, 0);
  await world.passDays(1);
  const before = (await world.status()).versions;
  await world.crowd(20, 1);
  await world.pass(10_000);
  const after = (await world.status()).versions;
  expect(after["life"]).toBe(before["life"]);
  expect(after["taste"]).toBeGreaterThan(before["taste"] ?? 0);
  await world.stop(host);
});

test("whoever takes over publishes the noise that is in the log, and draws none of its own for it", async () => {
  const world = await aWorld([aPrivateMap()]);
  const first = await world.own(1);
  await world.crowd(100, 0);
  await world.passDays(1);
  const before = await world.published("life");
  await world.stop(first);
  const second = await world.own(2); // Over an empty store: a replay from the beginning.
  await world.pass(5_000);
  expect((await world.published("life")).profiles).toEqual(before.profiles);
  expect((await world.controls()).filter((kind) => kind === "noised")).toHaveLength(4);
  await world.stop(second);
});

test("without private maps nothing of it is in the log, the store or the status", async () => {
  const world = await aWorld([aMap(), aMap({ name: "taste" })]);
  const host = await world.own(1);
  await world.crowd(10, 0);
  await world.passDays(2);
  const kinds = new Set(await world.controls());
  expect([...kinds].sort()).toEqual(["definitions", "publish", "published", "samples"]);
  expect(await world.status()).not.toHaveProperty("privacy");
  expect(world.stored()).toEqual({ rows: 0, clockMs: undefined });
  expect(await world.published("life")).not.toHaveProperty("privacy");
  await world.stop(host);
});

test("what the noise does is measured against what the members contributed, by segment", async () => {
  const world = await aWorld([aPrivateMap()]);
  const host = await world.own(1);
  await world.crowd(120, 0);
  await world.crowd(100, 0, { labels: { life: "loyal" }, vector: [-500, 300] }, "other");
  await world.passDays(1);
  const [report] = await world.privacy();
  const { measured, ...view } = report!;
  expect(view).toMatchObject({ map: "life", epsilon: 100, buckets: 3, waiting: 0 });
  expect(view.sigma * Math.sqrt(3)).toBeCloseTo(view.noise, 9);
  expect(
    measured?.segments.map(({ segment, isShown, exactCount }) => [segment, isShown, exactCount]),
  ).toEqual([
    ["new", true, 120],
    ["loyal", true, 100],
  ]);
  for (const { expected, measured: cosine, count, exactCount } of measured!.segments) {
    expect(cosine).toBeGreaterThan(0.99);
    expect(expected).toBeGreaterThan(0.99);
    expect(count).not.toBe(exactCount);
    expect(Math.abs(count - exactCount)).toBeLessThan(10);
  }
  expect(measured?.auc).toMatchObject({ exact: 1, noisy: 1, members: 220 });
  await world.stop(host);
});

test("the status tells what private maps promise and have spent", async () => {
  const world = await aWorld([aPrivateMap(), aMap({ name: "taste" })]);
  const host = await world.own(1);
  await world.crowd(10, 0);
  await world.passDays(2);
  const { privacy } = await world.status();
  expect(privacy).toMatchObject([
    { map: "life", epsilon: 100, lifetime: { releases: 5 }, refused: 0, waiting: 0, buckets: 3 },
  ]);
  expect(privacy?.[0]?.window.share).toBeGreaterThan(0.99);
  await world.stop(host);
});

/** One log, whose hosts come one after the other, each over a store of its own. */
async function aWorld(maps: readonly SegmentMap[]) {
  let nowMs = 0;
  let sequence = 0;
  const sleepers = new Set<{ readonly atMs: number; wake(): void }>();
  const clock = { nowMs: () => NOON_MS + nowMs, monotonicMs: () => nowMs };
  const log = new MemoryLog(clock);
  const blobs = memoryBlobStore();
  let bus = memoryBus();
  for (const stream of [subjects.samples, subjects.shardLog(0)]) await log.ensure(stream);
  await blobs.put("segments.1", new TextEncoder().encode(JSON.stringify({ version: 1, maps })));
  const definitions = encodeProfileControl({ control: "definitions", version: 1 });
  await log.append(subjects.samples, [{ id: "definitions", data: definitions }]);
  const pass = async (ms: number): Promise<void> => {
    for (const endMs = nowMs + ms; nowMs < endMs; ) {
      nowMs = Math.min(endMs, nowMs + Math.max(100, ms / 100));
      for (const sleeper of sleepers) {
        if (sleeper.atMs > nowMs) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  let store = memoryProfileStore();
  /** Time goes on until it is answered: what is asked may take pauses. */
  const ask = async <Reply>(name: string, body?: object): Promise<Reply> => {
    const data = body === undefined ? new Uint8Array() : encode(body);
    let reply: BusReply | undefined;
    void bus.request(subjects.profileActor(name), data, { timeoutMs: 1_000 }).then((one) => {
      reply = one;
    });
    while (reply === undefined) await pass(1);
    return decode(reply.data) as Reply;
  };
  return {
    pass,
    passDays: async (days: number): Promise<void> => {
      await pass(days * DAY_MS);
      await pass(5_000);
    },
    status: () => ask<ProfileStatus>("status"),
    privacy: () => ask<PrivacyReply>("privacy", {}),
    stored: () => ({ rows: [...store.sums(PRIVATE_TABLE)].length, clockMs: store.meta()?.clockMs }),
    async own(seed: number): Promise<UnitCopy> {
      bus = memoryBus();
      store = memoryProfileStore();
      const host = await startProfileHost(
        {
          log,
          bus,
          releases: blobs,
          store,
          clock,
          sleep: (ms) => new Promise((wake) => sleepers.add({ atMs: nowMs + ms, wake: () => wake() })),
          subjects,
          bits: insecureBits(seed),
        },
        { shards: 1, publishEveryMs: 1_000 },
      );
      await host.own({ epoch: seed, session: 1, isHeld: () => true });
      await pass(1_000);
      return host;
    },
    async stop(host: UnitCopy): Promise<void> {
      let isStopped = false;
      void host.stop().then(() => {
        isStopped = true;
      });
      while (!isStopped) await pass(100);
    },
    async crowd(
      users: number,
      day: number,
      given: Parameters<typeof aSample>[0] = {},
      name = "user",
    ): Promise<void> {
      const tsMs = NOON_MS + day * DAY_MS;
      const samples = Array.from({ length: users }, (_, u) =>
        aSample({ user: `${name}-${u}`, sequence: ++sequence, tsMs, vector: [600, -800], ...given }),
      );
      await log.append(subjects.samples, [{ id: `${sequence}`, data: encode({ shard: 0, samples }) }]);
      await pass(1_000);
    },
    async published(map: string) {
      const { versions } = await ask<ProfileStatus>("status");
      return decodeProfiles((await blobs.get(`profiles.${map}.${versions[map]}`))!);
    },
    async controls(): Promise<string[]> {
      const { last } = await log.bounds(subjects.samples);
      const reader = await log.read(subjects.samples, 1);
      const messages = await reader.next(last);
      await reader.close();
      return messages.map(({ data }) => (decode(data) as { control?: string }).control ?? "samples");
    },
  };
}
