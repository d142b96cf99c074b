import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { BlobStore } from "../../src/actors/blob-store.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import { decodeEntries } from "../../src/events/log-codec.ts";
import type { LogEntry } from "../../src/events/log-entry.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { putDefinitions } from "../../src/gateway/segments.ts";
import { encode } from "../../src/kernel/msgpack.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import { A_MAP, gatewayWorld, PARSED_MAP, SHARDS } from "./gateway-world.ts";

const B_MAP = { name: "taste", segments: ["jazz"] };
const shards = Array.from({ length: SHARDS }, (_, shard) => shard);

test("before any put there are no maps, under version 0", async () => {
  const world = await gatewayWorld();
  expect((await world.ask("segments.get", {})).value).toEqual({ version: 0, maps: [] });
});

test("a put stores a version, tells the profile actor and every shard's log, and is in force", async () => {
  const world = await gatewayWorld();
  expect((await world.define()).value).toEqual({ version: 1 });
  expect((await world.ask("segments.get", {})).value).toEqual({ version: 1, maps: [PARSED_MAP] });
  expect(await world.releases.keys("segments.")).toEqual(["segments.1", "segments.current"]);
  expect(world.refreshes()).toBe(1);
  for (const shard of shards)
    expect(await world.entries(shard)).toEqual([{ kind: "segments-activated", version: 1 }]);
});

test("unchanged definitions keep their version, and are announced again in case they never were", async () => {
  const world = await gatewayWorld();
  await world.define();
  expect((await world.define()).value).toEqual({ version: 1 });
  expect(world.refreshes()).toBe(2);
  for (const shard of shards) expect(await world.entries(shard)).toHaveLength(1); // The log knew it by its id.
});

test("a change is the next version, which is prepared while the one before stays in force", async () => {
  const world = await gatewayWorld();
  await world.define();
  expect((await world.define([A_MAP, B_MAP])).value).toEqual({ version: 2, warming: true });
  expect((await world.ask("segments.get", {})).value).toEqual({ version: 1, maps: [PARSED_MAP] });
  for (const shard of shards)
    expect(await world.entries(shard)).toEqual([
      { kind: "segments-activated", version: 1 },
      { kind: "segments-prepared", version: 2 },
    ]);
});

test("a map that becomes private, or caps contributions otherwise, is built anew; another epsilon holds at once", async () => {
  const world = await gatewayWorld();
  const window = { buckets: 7 };
  await world.define([{ ...A_MAP, window }]);
  expect((await world.define([{ ...A_MAP, window, privacy: {} }])).value).toEqual({
    version: 2,
    warming: true,
  });
  const other = await gatewayWorld();
  await other.define([{ ...A_MAP, window, privacy: {} }]);
  expect((await other.define([{ ...A_MAP, window, privacy: { epsilon: 2 } }])).value).toEqual({ version: 2 });
  const capped = [{ ...A_MAP, window, privacy: { contributions: 3 } }];
  expect((await other.define(capped)).value).toEqual({ version: 3, warming: true });
});

test("what needs no other profiles is in force at once: a threshold, or a map less", async () => {
  const world = await gatewayWorld();
  await world.define([A_MAP, B_MAP]);
  const threshold = { enter: 0.7, minEvidence: 2 };
  expect((await world.define([{ ...A_MAP, threshold }, B_MAP])).value).toEqual({ version: 2 });
  const segments = [{ name: "new", threshold }, "loyal"]; // Of one segment, too: it says nothing of who is a member.
  expect((await world.define([{ ...A_MAP, segments }, B_MAP])).value).toEqual({ version: 3 });
  expect((await world.define([B_MAP])).value).toEqual({ version: 4 });
  expect((await world.ask("segments.get", {})).value).toMatchObject({
    version: 4,
    maps: [{ name: "taste" }],
  });
});

test("a map keeps the key of its sums as long as its members and window stay, and never gets one back", async () => {
  const { ports } = await somePorts();
  const put = async (maps: readonly SegmentMap[]) =>
    (await putDefinitions(ports, { shards: SHARDS }, maps)).definitions;
  const taste = { ...PARSED_MAP, name: "taste" };
  const other = { ...PARSED_MAP, segments: [{ name: "other" }] };
  expect((await put([PARSED_MAP, taste])).keys).toBeUndefined();
  expect((await put([other, taste])).keys).toEqual({ life: "life@2" });
  expect((await put([other])).keys).toEqual({ life: "life@2" });
  expect((await put([PARSED_MAP, taste])).keys).toEqual({ life: "life@4", taste: "taste@4" });
});

test("puts at the same time follow one another: no version has two contents", async () => {
  const world = await gatewayWorld();
  const puts = await Promise.all([
    world.define([A_MAP]),
    world.define([B_MAP]),
    world.define([A_MAP, B_MAP]),
  ]);
  expect(puts.map(({ value }) => value)).toMatchObject([{ version: 1 }, { version: 2 }, { version: 3 }]);
  for (const shard of shards)
    expect(await world.entries(shard)).toMatchObject([{ version: 1 }, { version: 2 }, { version: 3 }]);
});

test("a put that a shard's log fails can be sent again, and the next put is not held up", async () => {
  const world = await gatewayWorld();
  world.broken.add(2);
  expect((await world.define()).reply.error).toMatchObject({ code: "LOG_UNAVAILABLE", retryable: true });
  world.broken.clear();
  expect((await world.define()).value).toEqual({ version: 1 });
  for (const shard of shards)
    expect(await world.entries(shard)).toEqual([{ kind: "segments-activated", version: 1 }]);
});

test("gateways that put at the same time share no version, and the newest is in force, or prepared, in the end", async () => {
  const holds = async (schedule: fc.Scheduler): Promise<void> => {
    const { ports, blobs, entries } = await somePorts();
    const releases = {
      ...blobs,
      get: schedule.scheduleFunction(blobs.get),
      put: schedule.scheduleFunction(blobs.put),
      create: schedule.scheduleFunction(blobs.create),
    };
    const contents = [[PARSED_MAP], [{ ...PARSED_MAP, name: "taste" }], [PARSED_MAP]];
    const puts = contents.map((maps) => putDefinitions({ ...ports, releases }, { shards: SHARDS }, maps));
    const put = await schedule.waitFor(Promise.all(puts));
    const newest = Math.max(...put.map(({ definitions }) => definitions.version));
    const isInForce = put.some(({ definitions, isWarming }) => definitions.version === newest && !isWarming);
    expect(await blobs.keys("segments.")).toHaveLength(newest + 1);
    if (isInForce) expect(await jsonOf(blobs, "segments.current")).toEqual({ version: newest });
    for (const [i, { definitions }] of put.entries()) {
      expect(definitions.maps).toEqual(contents[i]);
      expect(await jsonOf(blobs, `segments.${definitions.version}`)).toEqual(definitions);
    }
    const kind = isInForce ? "segments-activated" : "segments-prepared";
    for (const shard of shards) expect(await entries(shard)).toContainEqual({ kind, version: newest });
  };
  await fc.assert(fc.asyncProperty(fc.scheduler(), holds), { numRuns: 300 });
});

test("nodes that start with the same definitions at the same time make one version of them", async () => {
  const { ports, blobs } = await somePorts();
  const nodes = [1, 2, 3].map(() => putDefinitions(ports, { shards: SHARDS }, [PARSED_MAP]));
  expect((await Promise.all(nodes)).map(({ definitions }) => definitions.version)).toEqual([1, 1, 1]);
  expect(await blobs.keys("segments.")).toEqual(["segments.1", "segments.current"]);
});

test("bad definitions are refused and change nothing", async () => {
  const world = await gatewayWorld();
  await world.define();
  for (const maps of [[], [{ name: "a b", segments: ["x"] }], [{ name: "life", segments: [] }], "life"]) {
    const { reply } = await world.ask("segments.put", { maps });
    expect(reply.error).toMatchObject({ code: "BAD_SEGMENTS", retryable: false });
  }
  expect((await world.ask("segments.get", {})).value).toMatchObject({ version: 1 });
});

test("what another gateway put is in force after a refresh, and a refresh never goes back", async () => {
  const world = await gatewayWorld();
  const put = (version: number, maps: unknown) =>
    world.releases.put(`segments.${version}`, new TextEncoder().encode(JSON.stringify({ version, maps })));
  const setCurrent = (version: number) =>
    world.releases.put("segments.current", new TextEncoder().encode(JSON.stringify({ version })));
  await put(1, []);
  await put(5, [PARSED_MAP]);
  await setCurrent(5);
  await world.gateway.refreshDefinitions();
  expect((await world.ask("segments.get", {})).value).toEqual({ version: 5, maps: [PARSED_MAP] });
  await setCurrent(1);
  await world.gateway.refreshDefinitions();
  expect((await world.ask("segments.get", {})).value).toMatchObject({ version: 5 });
});

test("a rule of the greatest depth is taken in either format", async () => {
  const world = await gatewayWorld();
  let rule: unknown = { trait: "orders", exists: true };
  for (let i = 0; i < 15; i++) rule = { and: [rule] };
  const maps = [{ name: "life", segments: [{ name: "deep", rule }, "other"] }];
  expect((await world.ask("segments.put", { maps })).reply.error).toBeUndefined();
  const reply = await world.send("segments.put", encode({ maps }), "application/msgpack");
  expect(reply.error).toBeUndefined();
});

/** What several gateways share. */
async function somePorts() {
  const subjects = subjectsOf("resonance");
  const log = new MemoryLog({ nowMs: () => 0, monotonicMs: () => 0 });
  for (const stream of [subjects.samples, ...shards.map(subjects.shardLog)]) await log.ensure(stream);
  const blobs = memoryBlobStore();
  const entries = async (shard: number): Promise<LogEntry[]> => {
    const reader = await log.read(subjects.shardLog(shard), 1);
    const messages = await reader.next(100);
    await reader.close();
    return messages.flatMap(({ data }) => decodeEntries(data));
  };
  return { ports: { log, subjects, releases: blobs }, blobs, entries };
}

async function jsonOf(blobs: BlobStore, key: string): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await blobs.get(key)));
}
