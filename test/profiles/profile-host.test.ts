import { describe, expect, test } from "vitest";
import type { Log } from "../../src/actors/log.ts";
import type { UnitCopy } from "../../src/actors/unit-copy.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { decodeEntries } from "../../src/events/log-codec.ts";
import type { LogEntry } from "../../src/events/log-entry.ts";
import { encodeProfileControl, type ProfileControl } from "../../src/events/profile-control.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { EngineError, fromWireError } from "../../src/kernel/engine-error.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { startProfileHost } from "../../src/profiles/profile-host.ts";
import type { ProfileStatus } from "../../src/profiles/profile-messages.ts";
import type { ProfileStore } from "../../src/profiles/profile-store.ts";
import { decodeProfiles } from "../../src/profiles/profiles-codec.ts";
import type { Sample, SampleBatch } from "../../src/profiles/sample.ts";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import type { PublishedProfiles } from "../../src/resonance/published-profiles.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import { insecureBits } from "../privacy/insecure-seeded-bits.ts";
import { aMap, aSample, centroidOf, NOON_MS } from "./some-samples.ts";

const SHARDS = 2;
const subjects = subjectsOf("test");
const LIFE_AND_TASTE = [aMap(), aMap({ name: "taste" })];

test("a publication goes to the blobs and then to every shard's log", async () => {
  const world = await aWorld();
  await world.start();
  await world.send({ shard: 0, samples: [aSample({ vector: [10, 20, 30] })] });
  expect(await world.ask("publish")).toEqual({ versions: { life: 1 } });
  const published = await world.published("life", 1);
  expect(published).toMatchObject({ map: "life", version: 1, encoder: "e1", dim: 3, watermarkMs: NOON_MS });
  expect([...(published.profiles[0]?.centroid ?? [])]).toEqual(centroidOf([10, 20, 30]));
  expect(await world.json("profiles.life.current")).toEqual({ version: 1 });
  const entry = { kind: "profiles-activated", map: "life", version: 1, encoder: "e1" };
  expect(await world.entries()).toEqual([[entry], [entry]]);
  await world.settled();
  expect(world.store.pending()).toEqual([]);
  await world.stop();
});

test("without a change there is no publication, and without samples none at all", async () => {
  const world = await aWorld();
  await world.start();
  expect(await world.ask("publish")).toEqual({ versions: {} });
  await world.send({ shard: 0, samples: [aSample()] });
  await world.ask("publish");
  await world.send({ shard: 0, samples: [aSample()] }); // A repeat.
  expect(await world.ask("publish")).toEqual({ versions: { life: 1 } });
  await world.stop();
});

test("a change is published by itself, but not sooner than the shortest time after the last", async () => {
  const world = await aWorld();
  await world.start();
  await world.send({ shard: 0, samples: [aSample()] });
  await world.pass(100);
  expect((await world.status()).versions).toEqual({ life: 1 });
  await world.send({ shard: 0, samples: [aSample({ sequence: 2, user: "bob" })] });
  await world.pass(1_800);
  expect((await world.status()).versions).toEqual({ life: 1 });
  await world.pass(300);
  expect((await world.status()).versions).toEqual({ life: 2 });
  await world.pass(10_000);
  expect((await world.status()).versions).toEqual({ life: 2 });
  await world.stop();
});

test("the status tells what is applied, who the members are and what was passed over", async () => {
  const world = await aWorld();
  await world.start();
  await world.send({ shard: 0, samples: [aSample(), aSample({ sequence: 2, user: "bob", labels: {} })] });
  await world.send({ shard: 0, samples: [aSample(), aSample({ sequence: 3, encoder: "e9" })] });
  expect(await world.status()).toEqual({
    applied: 3,
    lag: 0,
    members: { life: { new: 1 } },
    encoder: "e1",
    calibration: "",
    candidate: "",
    versions: {},
    watermarkMs: NOON_MS,
    repeats: 1,
    dropped: 1,
    diskFull: false,
  });
  await world.stop();
});

test("a message that is no batch of samples is passed over, also after a restart", async () => {
  const world = await aWorld();
  await world.start();
  await world.sendBytes(Uint8Array.of(0xc1, 7));
  await world.sendBytes(encode({ shard: 0, samples: [{ ...aSample(), tsMs: Number.NaN }] }));
  await world.send({ shard: 0, samples: [aSample()] });
  expect(await world.status()).toMatchObject({ applied: 4, dropped: 2, members: { life: { new: 1 } } });
  await world.restart();
  expect(await world.status()).toMatchObject({ applied: 4, dropped: 2, members: { life: { new: 1 } } });
  await world.stop();
});

test("new definitions are taken in where the log tells of them, and published with the segments that they name", async () => {
  const world = await aWorld();
  await world.start();
  await world.send({ shard: 0, samples: [aSample({ labels: { life: "new", taste: "loyal" } })] });
  await world.ask("publish");
  await world.define(2, [aMap({ segments: [{ name: "loyal" }, { name: "new" }, { name: "lost" }] })]);
  expect(await world.ask("publish")).toEqual({ versions: { life: 2 } });
  const published = await world.published("life", 2);
  expect(published.profiles.map(({ segment, members }) => [segment, members])).toEqual([
    ["loyal", 0],
    ["new", 1],
    ["lost", 0],
  ]);
  expect(published.calibration.intercepts).toHaveLength(3);
  await world.stop();
});

test("the calibration of the encoder is read from its release, null as Infinity", async () => {
  const world = await aWorld();
  const stored = {
    encoder: "e1",
    map: "life",
    depthEnds: [3, null],
    kappa: [4, 5],
    intercepts: [0.1, 0.2],
    noneIntercept: 0.3,
    members: 77,
  };
  await world.blobs.put("calibration.e1", new TextEncoder().encode(JSON.stringify([stored])));
  await world.start();
  await world.send({ shard: 0, samples: [aSample()] });
  await world.ask("publish");
  const { calibration } = await world.published("life", 1);
  expect(calibration).toEqual({ ...stored, depthEnds: [3, Number.POSITIVE_INFINITY] });
  await world.stop();
});

test("calibrations that are named in the log are published with the next version, until another encoder comes", async () => {
  const world = await aWorld();
  const stored = (kappa: number) => ({ ...defaultCalibration("e1", "life", 2), kappa: [1, 2, 3, 4, kappa] });
  const put = (key: string, kappa: number) =>
    world.blobs.put(key, new TextEncoder().encode(JSON.stringify([stored(kappa)])));
  await put("calibration.e1", 5);
  await put("calibration.e1.c1", 6);
  await put("calibration.e2.c1", 7);
  await world.start();
  await world.send({ shard: 0, samples: [aSample()] });
  await world.ask("publish");
  expect(await world.published("life", 1)).toMatchObject({ fittedIn: "calibration.e1" });
  await world.control({ control: "calibrate", encoder: "e2", calibration: "c1" }); // Late, or too early.
  expect(await world.ask("publish")).toEqual({ versions: { life: 1 } });
  await world.control({ control: "calibrate", encoder: "e1", calibration: "c1" });
  await world.restart(); // Which ones are in force outlives a restart.
  expect((await world.status()).calibration).toBe("c1");
  expect(await world.ask("publish")).toEqual({ versions: { life: 2 } });
  const published = await world.published("life", 2);
  expect(published.fittedIn).toBe("calibration.e1.c1");
  expect(published.calibration.kappa.at(-1)).toBe(6);
  await world.control({ control: "prepare", encoder: "e2" });
  for (const shard of [0, 1]) await world.send({ shard, samples: [], prepared: ["e2"] });
  expect(await world.status()).toMatchObject({ encoder: "e2", calibration: "" });
  await world.stop();
});

test("a candidate is put in force once every shard has sampled its members under it, with its profiles", async () => {
  const world = await aWorld(LIFE_AND_TASTE);
  await world.start();
  await world.send({ shard: 0, samples: [aSample()] });
  await world.ask("publish");
  await world.control({ control: "prepare", encoder: "e2" });
  expect(await world.status()).toMatchObject({ encoder: "e1", candidate: "e2" });
  await world.send({ shard: 0, samples: [sampleOf("e2", 2)], prepared: ["e2"] });
  expect((await world.status()).encoder).toBe("e1");
  await world.restart(); // Who is prepared outlives a restart.
  await world.send({ shard: 1, samples: [], prepared: ["e2"] });
  expect(await world.ask("publish")).toEqual({ versions: { life: 2, taste: 2 } }); // Nothing new: it is done.
  expect(await world.status()).toMatchObject({ encoder: "e2", candidate: "" });
  const last = { kind: "encoder-activated", encoder: "e2", profiles: { life: 2, taste: 2 } };
  for (const entries of await world.entries()) expect(entries.at(-1)).toMatchObject(last);
  expect(await world.published("taste", 2)).toMatchObject({ encoder: "e2", dim: 2, version: 2 });
  expect(world.store.membersAfter("e1", undefined, 10)).toHaveLength(1); // For one window, to go back.
  await world.stop();
});

test("a candidate that is held is prepared, and put in force when it is promoted", async () => {
  const world = await aWorld();
  await world.start();
  await world.send({ shard: 0, samples: [aSample()] });
  await world.control({ control: "prepare", encoder: "e2", shards: { from: 0, count: 2 }, hold: true });
  expect(await world.ask("promote")).toEqual({ encoder: "e2", inForce: false, prepared: 0, shards: 2 });
  await world.control({ control: "prepare", encoder: "e2", hold: true });
  await world.send({ shard: 0, samples: [sampleOf("e2", 2)], prepared: ["e2"] });
  await world.send({ shard: 1, samples: [], prepared: ["e2"] });
  expect(await world.status()).toMatchObject({
    encoder: "e1",
    rollOut: { encoder: "e2", isHeld: true, prepared: 2, shards: 2 },
  });
  await world.restart(); // That it waits outlives a restart.
  expect((await world.status()).encoder).toBe("e1");
  expect(await world.ask("promote")).toEqual({ encoder: "e2", inForce: true });
  for (const entries of await world.entries())
    expect(entries.at(-1)).toMatchObject({ kind: "encoder-activated", encoder: "e2" });
  await expect(world.ask("promote")).rejects.toMatchObject({ code: "NOTHING_TO_PROMOTE", retryable: false });
  await world.stop();
});

test("a candidate that is discarded leaves nothing, and every shard is told", async () => {
  const world = await aWorld();
  await world.start();
  await world.send({ shard: 0, samples: [aSample()] });
  await world.control({ control: "prepare", encoder: "e2", hold: true });
  await world.send({ shard: 0, samples: [sampleOf("e2", 2)], prepared: ["e2"] });
  expect(await world.ask("discard")).toEqual({ encoder: "e2" });
  expect(await world.status()).toMatchObject({ encoder: "e1", candidate: "" });
  for (const entries of await world.entries())
    expect(entries.at(-1)).toMatchObject({ kind: "encoder-discarded", encoder: "e2" });
  await world.settled();
  expect(world.store.membersAfter("e2", undefined, 10)).toEqual([]);
  await expect(world.ask("discard")).rejects.toMatchObject({ code: "NOTHING_TO_PROMOTE" });
  await world.stop();
});

test("a rollback puts the encoder before in force again, with its profiles; a second request changes nothing", async () => {
  const world = await aWorldAfterASwitch();
  expect((await world.status()).previous).toMatchObject({ encoder: "e1" });
  expect(await world.ask("rollback")).toEqual({ encoder: "e1", from: "e2", repeated: false });
  const [entries] = await world.entries();
  const last = { kind: "encoder-activated", encoder: "e1", profiles: { life: 2 } };
  expect(entries!.at(-1)).toMatchObject(last);
  expect(entries!.map((entry) => ("order" in entry ? entry.order : 0))).toEqual(
    entries!.map((entry) => ("order" in entry ? entry.order : 0)).sort((a, b) => a - b),
  );
  expect(await world.published("life", 2)).toMatchObject({ encoder: "e1", dim: 3 });
  await world.restart();
  expect(await world.ask("rollback")).toEqual({ encoder: "e1", from: "e2", repeated: true });
  expect((await world.entries())[0]).toHaveLength(entries!.length);
  await world.stop();
});

test("a rollback is of use for one window of event time, and after it nothing is left to go back to", async () => {
  const world = await aWorldAfterASwitch();
  const { untilMs = 0 } = (await world.status()).previous ?? {};
  expect(untilMs).toBe(NOON_MS + 7 * 86_400_000);
  await world.send({ shard: 0, samples: [{ ...sampleOf("e2", 3), tsMs: untilMs - 1 }] });
  expect((await world.status()).previous).toBeDefined();
  await world.send({ shard: 0, samples: [{ ...sampleOf("e2", 4), tsMs: untilMs }] });
  expect((await world.status()).previous).toBeUndefined();
  await expect(world.ask("rollback")).rejects.toMatchObject({
    code: "NOTHING_TO_ROLL_BACK",
    retryable: false,
  });
  await world.settled();
  expect(world.store.membersAfter("e1", undefined, 10)).toEqual([]);
  await world.stop();
});

test("where there was no switch there is nothing to roll back to", async () => {
  const world = await aWorld();
  await world.start();
  await world.send({ shard: 0, samples: [aSample()] });
  await expect(world.ask("rollback")).rejects.toMatchObject({ code: "NOTHING_TO_ROLL_BACK" });
  await world.stop();
});

test("the profiles of new definitions are built beside those in force, which are published on until all are through", async () => {
  const world = await aWorld();
  await world.start();
  await world.send({ shard: 0, samples: [aSample({ labels: { life: "new" } })] });
  const maps = [aMap({ segments: [{ name: "rich" }, { name: "poor" }] })];
  await world.put(2, maps, { life: "life@2" });
  await world.control({ control: "definitions-prepared", version: 2, shards: { from: 0, count: 2 } });
  const both = { life: "new", "life@2": "rich" };
  await world.send({ shard: 0, samples: [aSample({ sequence: 2, labels: both })], prepared: ["segments@2"] });
  expect(await world.ask("publish")).toEqual({ versions: { life: 1 } });
  expect(
    (await world.published("life", 1)).profiles.map(({ segment, members }) => [segment, members]),
  ).toEqual([
    ["new", 1],
    ["loyal", 0],
  ]);
  await world.restart();
  expect((await world.status()).next).toEqual({ version: 2, prepared: 1, shards: 2 });
  await world.send({ shard: 1, samples: [], prepared: ["segments@2"] });
  await world.ask("publish"); // Nothing new: it is carried out.
  for (const entries of await world.entries())
    expect(entries.at(-1)).toEqual({
      kind: "segments-activated",
      version: 2,
      profiles: { life: 2 },
      encoder: "e1",
    });
  expect(
    (await world.published("life", 2)).profiles.map(({ segment, members }) => [segment, members]),
  ).toEqual([
    ["rich", 1],
    ["poor", 0],
  ]);
  expect(await world.json("segments.current")).toEqual({ version: 2 });
  expect(await world.status()).toMatchObject({ members: { life: { rich: 1 } } });
  await world.send({
    shard: 0,
    samples: [aSample({ sequence: 3, user: "bob", labels: { "life@2": "poor" } })],
  });
  expect((await world.status()).members).toEqual({ life: { rich: 1, poor: 1 } });
  await world.stop();
});

test("a candidate without any sample is put in force without profiles", async () => {
  const world = await aWorld();
  await world.start();
  await world.control({ control: "prepare", encoder: "e2" });
  await world.send({ shard: 0, samples: [], prepared: ["e2"] });
  await world.send({ shard: 1, samples: [], prepared: ["e2"] });
  await world.ask("publish");
  expect((await world.entries())[1]).toMatchObject([
    { kind: "encoder-activated", encoder: "e2", profiles: {} },
  ]);
  await world.stop();
});

test("a control that says nothing is passed over", async () => {
  const world = await aWorld();
  await world.start();
  await world.sendBytes(encode({ control: "prepare" }));
  await world.sendBytes(encode({ control: "prepare", encoder: "e2", shards: { from: 0, count: 0 } }));
  await world.sendBytes(encode({ control: "invented" }));
  expect(await world.status()).toMatchObject({ applied: 4, candidate: "", dropped: 3 });
  await world.stop();
});

test("a publication waits for a server that is away, and nothing is lost", async () => {
  const world = await aWorld();
  let failures = 3;
  world.around = async (_, act) => {
    if (failures-- > 0) throw new EngineError({ code: "LOG_UNAVAILABLE", message: "away", retryable: true });
    await act();
  };
  await world.start({ cutting: ["put", "append"] });
  await world.send({ shard: 0, samples: [aSample()] });
  const answer = world.ask("publish");
  await world.pass(2_000);
  expect(await answer).toEqual({ versions: { life: 1 } });
  expect((await world.entries())[0]).toHaveLength(1);
  await world.stop();
});

test("a request that waits for a publication is refused once the lease is lost, and the copy comes to rest", async () => {
  const world = await aWorld();
  world.around = async () => {
    throw new EngineError({ code: "BLOBS_UNAVAILABLE", message: "away", retryable: true });
  };
  const host = await world.start({ cutting: ["put"] });
  await world.send({ shard: 0, samples: [aSample()] });
  const answer = expect(world.ask("publish")).rejects.toMatchObject({ code: "NOT_OWNER", retryable: true });
  await world.pass(500);
  world.lease.held = false;
  const resting = Promise.all([host.rest(), host.drain()]);
  await world.pass(500);
  await resting;
  await answer;
  world.around = async (_, act) => act();
  world.lease.held = true;
  await host.own({ epoch: 2, session: 1, isHeld: () => world.lease.held });
  await world.ask("publish");
  expect((await world.entries())[0]).toHaveLength(1);
  await world.stop();
});

test("without the definitions that its sums were made for, a copy does not start", async () => {
  const world = await aWorld();
  await world.start();
  await world.send({ shard: 0, samples: [aSample()] });
  await world.stop();
  const segments = (await world.blobs.get("segments.1")) ?? new Uint8Array();
  await world.blobs.remove("segments.1");
  await expect(world.start()).rejects.toMatchObject({ code: "RELEASE_MISSING", retryable: true });
  await world.blobs.put("segments.1", segments);
  await world.start();
  expect((await world.status()).members).toEqual({ life: { new: 1 } });
  await world.stop();
});

test("definitions that are nowhere leave those in force", async () => {
  const world = await aWorld();
  await world.start();
  await world.control({ control: "definitions", version: 7 });
  await world.restart();
  await world.send({ shard: 0, samples: [aSample()] });
  expect(await world.status()).toMatchObject({ members: { life: { new: 1 } }, dropped: 1 });
  await world.stop();
});

test("a full disk is waited out: the status is answered, and nothing is lost once there is room", async () => {
  const world = await aWorld();
  let tries = 0;
  world.around = async () => {
    tries++;
    throw new EngineError({ code: "DISK_FULL", message: "full", retryable: true });
  };
  const host = await world.start({ cutting: ["commit"], skip: 2 });
  await world.send({ shard: 0, samples: [aSample()] });
  await world.pass(5_500);
  expect(await world.status()).toMatchObject({ applied: 2, diskFull: true, members: { life: { new: 1 } } });
  expect(tries).toBe(6);
  expect(world.store.meta()?.applied).toBe(1);
  world.around = async (_, act) => act();
  await world.pass(1_000);
  expect(await world.status()).toMatchObject({ diskFull: false, versions: { life: 1 } });
  expect(world.store.meta()?.applied).toBeGreaterThanOrEqual(2);
  await host.stop();
});

test("a host that waits for room on its disk can be stopped", async () => {
  const world = await aWorld();
  world.around = async () => {
    throw new EngineError({ code: "DISK_FULL", message: "full", retryable: true });
  };
  const host = await world.start({ cutting: ["commit"], skip: 2 });
  await world.send({ shard: 0, samples: [aSample()] });
  const done = expect(host.done).rejects.toMatchObject({ code: "DISK_FULL" });
  await world.stop();
  await done;
});

test("a commit that fails ends the host, and the next one goes on from what the store holds", async () => {
  const world = await aWorld();
  await world.start();
  await world.send({ shard: 0, samples: [aSample()] });
  await world.stop();
  world.around = async () => {
    throw new Error("disk full");
  };
  const host = await world.start({ cutting: ["commit"] });
  await world.log.append(subjects.samples, [
    { id: "late", data: encode({ shard: 0, samples: [aSample({ sequence: 2, user: "bob" })] }) },
  ]);
  await expect(host.done).rejects.toThrow("disk full");
  await expect(world.ask("publish")).rejects.toThrow(); // Not from a state that the store does not know.
  await world.restart();
  await world.settled();
  expect((await world.status()).members).toEqual({ life: { new: 2 } });
  await world.stop();
});

test("a publication that fails for good ends the host: the next start carries it out", async () => {
  const world = await aWorld();
  world.around = async () => {
    throw new EngineError({ code: "BROKEN", message: "for good", retryable: false });
  };
  const host = await world.start({ cutting: ["put"] });
  await world.send({ shard: 0, samples: [aSample()] });
  const ended = expect(host.done).rejects.toMatchObject({ code: "BROKEN" });
  await expect(world.ask("publish")).rejects.toMatchObject({ code: "BROKEN" });
  await ended;
  await world.restart();
  await world.ask("publish");
  expect((await world.status()).versions).toEqual({ life: 1 });
  expect((await world.entries())[0]).toHaveLength(1);
  await world.stop();
});

describe("a crash at any point repeats the rest of a publication, with the same version and bytes", () => {
  const cuts = Array.from({ length: 36 }, (_, cut) => cut);
  test.each(cuts)("of profiles, cut %i", async (cut) => {
    const world = await aWorld(LIFE_AND_TASTE);
    await world.start();
    await world.send({ shard: 0, samples: [aSample({ labels: { life: "new", taste: "loyal" } })] });
    await world.stop();
    await world.crashAt(cut, [{ shard: 1, samples: [aSample({ user: "bob", vector: [1, 2, 3] })] }]);
    await world.start();
    await world.settled();
    await world.ask("publish");
    await world.expectSoundReleases();
    const { life = 0 } = (await world.status()).versions;
    expect((await world.published("life", life)).profiles[0]).toMatchObject({ members: 2 });
    await world.stop();
  });

  test.each(cuts)("of an encoder, cut %i", async (cut) => {
    const world = await aWorld(LIFE_AND_TASTE);
    await world.start();
    await world.send({ shard: 0, samples: [aSample()] });
    await world.control({ control: "prepare", encoder: "e2" });
    await world.send({ shard: 0, samples: [sampleOf("e2", 2)], prepared: ["e2"] });
    await world.stop();
    await world.crashAt(cut, [
      { shard: 1, samples: [], prepared: ["e2"] },
      { shard: 0, samples: [{ ...sampleOf("e2", 3), user: "bob" }] },
    ]);
    await world.start();
    await world.settled();
    await world.ask("publish");
    await world.expectSoundReleases();
    expect(await world.status()).toMatchObject({
      encoder: "e2",
      candidate: "",
      members: { life: { new: 2 } },
    });
    for (const entries of await world.entries()) {
      expect(entries.filter((entry) => entry.kind === "encoder-activated")).toHaveLength(1);
    }
    expect(world.store.membersAfter("e1", undefined, 10)).toHaveLength(1);
    await world.stop();
  });
});

async function aWorldAfterASwitch() {
  const world = await aWorld();
  await world.start();
  await world.send({ shard: 0, samples: [aSample()] });
  await world.control({ control: "prepare", encoder: "e2" });
  await world.send({ shard: 0, samples: [sampleOf("e2", 2)], prepared: ["e2"] });
  await world.send({ shard: 1, samples: [], prepared: ["e2"] });
  await world.settled();
  expect((await world.status()).encoder).toBe("e2");
  return world;
}

function sampleOf(encoder: string, sequence: number): Sample {
  return aSample({ encoder, sequence, vector: [30, 40] });
}

type Effect = "put" | "append" | "commit";

/** A deployment in memory whose host is started, cut off and started again over what it left behind. */
async function aWorld(maps: readonly SegmentMap[] = [aMap()]) {
  let nowMs = 0;
  const clock = { nowMs: () => NOON_MS + nowMs, monotonicMs: () => nowMs };
  const log = new MemoryLog(clock);
  const blobs = memoryBlobStore();
  const store = memoryProfileStore();
  const puts: [string, string][] = [];
  for (const stream of [subjects.samples, ...shardLogs()]) await log.ensure(stream);
  const world = {
    log,
    blobs,
    store,
    host: undefined as UnitCopy | undefined,
    bus: memoryBus(),
    lease: { held: true },
    sleepers: [] as { atMs: number; wake(): void }[],
    sent: 0,
    starts: 0,
    /** Stands between the host and each of its effects. */
    around: async (_: Effect, act: () => Promise<void>): Promise<void> => act(),

    async define(version: number, next: readonly SegmentMap[]): Promise<void> {
      const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
      await blobs.put(`segments.${version}`, json({ version, maps: next }));
      await blobs.put("segments.current", json({ version }));
      await world.append(encodeProfileControl({ control: "definitions", version }));
      if (world.host !== undefined) await world.settled();
    },

    /** Writes definitions that are not in force. */
    async put(version: number, next: readonly SegmentMap[], keys: Record<string, string>): Promise<void> {
      const bytes = new TextEncoder().encode(JSON.stringify({ version, maps: next, keys }));
      await blobs.put(`segments.${version}`, bytes);
    },

    async start({ cutting = [], skip = 0 }: { cutting?: readonly Effect[]; skip?: number } = {}) {
      world.bus = memoryBus();
      let left = skip;
      const effect = async <T>(kind: Effect, act: () => Promise<T>): Promise<T> => {
        let result: T | undefined;
        const run = async (): Promise<void> => {
          result = await act();
        };
        if (!cutting.includes(kind) || left-- > 0) await run();
        else await world.around(kind, run);
        return result as T;
      };
      const host = await startProfileHost(
        {
          log: { ...methodsOf(log), append: (...given) => effect("append", () => log.append(...given)) },
          bus: world.bus,
          releases: {
            ...blobs,
            put: (key, bytes) =>
              effect("put", async () => {
                puts.push([key, bytes.join()]);
                await blobs.put(key, bytes);
              }),
          },
          store: storeWith(store, (commit) => effect("commit", () => store.commit(commit))),
          clock,
          sleep: (ms) => new Promise((wake) => world.sleepers.push({ atMs: nowMs + ms, wake })),
          subjects,
          bits: insecureBits(++world.starts),
        },
        { shards: SHARDS, publishEveryMs: 2_000 },
      );
      await host.own({ epoch: 1, session: 1, isHeld: () => world.lease.held });
      world.host = host;
      return host;
    },

    /** Ends the host as a stop does, waking it from its pause. */
    async stop(): Promise<void> {
      const stopped = world.host?.stop();
      for (const { wake } of world.sleepers.splice(0)) wake();
      await stopped;
      world.host = undefined;
    },

    async restart(): Promise<void> {
      await world.stop();
      await world.start();
    },

    /**
     * Runs a host over these messages whose effects end for ever at one of them: before it for an even cut, after it
     * for an odd one.
     */
    async crashAt(cut: number, batches: readonly SampleBatch[]): Promise<void> {
      let effects = 0;
      world.around = async (_, run) => {
        const crash = new EngineError({ code: "CRASH", message: "cut off", retryable: false });
        if (effects > cut >> 1) throw crash;
        const isLast = effects++ === cut >> 1;
        if (!isLast || cut % 2 === 1) await run();
        if (isLast) throw crash;
      };
      for (const batch of batches) await world.append(encode(batch));
      const host = await world.start({ cutting: ["put", "append", "commit"] }).catch((thrown) => {
        expect(thrown).toMatchObject({ code: "CRASH" });
      });
      if (host === undefined) return;
      const work = async (): Promise<void> => {
        await world.settled();
        await world.ask("publish");
      };
      await Promise.race([work(), host.done]).catch((thrown) =>
        expect(thrown).toMatchObject({ code: "CRASH" }),
      );
      await world.stop();
    },

    async control(message: ProfileControl): Promise<void> {
      await world.sendBytes(encodeProfileControl(message));
    },

    async send(batch: SampleBatch): Promise<void> {
      await world.sendBytes(encode(batch));
    },

    async append(data: Uint8Array): Promise<void> {
      await log.append(subjects.samples, [{ id: String(world.sent++), data }]);
    },

    /** Appends a message and waits until it is applied. */
    async sendBytes(data: Uint8Array): Promise<void> {
      await world.append(data);
      await world.settled();
    },

    /** Waits until every message is applied. */
    async settled(): Promise<void> {
      const applied = (await log.bounds(subjects.samples)).last;
      for (let turn = 0; turn < 1_000; turn++) {
        if ((await world.status()).applied >= applied) return;
        await turnOfTheLoop();
      }
      throw new Error(`message ${applied} was never applied`);
    },

    async pass(ms: number): Promise<void> {
      const endMs = nowMs + ms;
      while (nowMs < endMs) {
        nowMs = Math.min(endMs, nowMs + 50);
        for (const due of world.sleepers.filter((one) => one.atMs <= nowMs)) {
          world.sleepers.splice(world.sleepers.indexOf(due), 1);
          due.wake();
        }
        for (let turn = 0; turn < 3; turn++) await turnOfTheLoop();
      }
    },

    async ask(name: string, body: unknown = {}): Promise<unknown> {
      const reply = await world.bus.request(subjects.profileActor(name), encode(body), { timeoutMs: 5_000 });
      if (reply.error !== undefined) throw fromWireError(reply.error);
      return decode(reply.data);
    },

    async status(): Promise<ProfileStatus> {
      return (await world.ask("status")) as ProfileStatus;
    },

    async published(map: string, version: number): Promise<PublishedProfiles> {
      return decodeProfiles((await blobs.get(`profiles.${map}.${version}`)) ?? new Uint8Array());
    },

    async json(key: string): Promise<unknown> {
      return JSON.parse(new TextDecoder().decode(await blobs.get(key)));
    },

    /** The entries of each shard's log. */
    async entries(): Promise<LogEntry[][]> {
      return Promise.all(shardLogs().map((stream) => entriesOf(log, stream)));
    },

    /** Every version that a log names is there, was never written with other bytes, and every log names the same. */
    async expectSoundReleases(): Promise<void> {
      const [first = [], ...others] = await world.entries();
      for (const entries of others) expect(entries).toEqual(first);
      const seen: Record<string, number> = {};
      for (const entry of first) {
        const named =
          entry.kind === "profiles-activated"
            ? { [entry.map]: entry.version }
            : entry.kind === "encoder-activated"
              ? entry.profiles
              : {};
        for (const [map, version] of Object.entries(named)) {
          expect(version).toBeGreaterThan(seen[map] ?? 0);
          seen[map] = version;
          const encoder = "encoder" in entry ? entry.encoder : "";
          expect(await world.published(map, version)).toMatchObject({ map, version, encoder });
          const written = puts.filter(([key]) => key === `profiles.${map}.${version}`);
          expect(new Set(written.map(([, bytes]) => bytes)).size).toBe(1);
        }
      }
      for (const [map, version] of Object.entries(seen)) {
        expect(await world.json(`profiles.${map}.current`)).toEqual({ version });
      }
    },
  };
  await world.define(1, maps);
  return world;
}

function shardLogs(): string[] {
  return Array.from({ length: SHARDS }, (_, shard) => subjects.shardLog(shard));
}

async function entriesOf(log: Log, stream: string): Promise<LogEntry[]> {
  const { last } = await log.bounds(stream);
  if (last === 0) return [];
  const reader = await log.read(stream, 1);
  const messages = await reader.next(last);
  await reader.close();
  return messages.flatMap(({ data }) => decodeEntries(data));
}

function methodsOf(log: Log): Log {
  return {
    ensure: (...given) => log.ensure(...given),
    append: (...given) => log.append(...given),
    read: (...given) => log.read(...given),
    bounds: (...given) => log.bounds(...given),
    last: (...given) => log.last(...given),
    range: (...given) => log.range(...given),
    trim: (...given) => log.trim(...given),
    redact: (...given) => log.redact(...given),
    messagesAt: (...given) => log.messagesAt(...given),
  };
}

function storeWith(store: ProfileStore, commit: ProfileStore["commit"]): ProfileStore {
  return {
    meta: () => store.meta(),
    pending: () => store.pending(),
    member: (...given) => store.member(...given),
    membersAfter: (...given) => store.membersAfter(...given),
    sums: (encoder) => store.sums(encoder),
    scrub: () => store.scrub(),
    commit,
    close: async () => {},
  };
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
