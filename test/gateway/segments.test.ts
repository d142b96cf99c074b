import { expect, test } from "vitest";
import { encode } from "../../src/kernel/msgpack.ts";
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

test("a change is the next version", async () => {
  const world = await gatewayWorld();
  await world.define();
  expect((await world.define([A_MAP, B_MAP])).value).toEqual({ version: 2 });
  for (const shard of shards)
    expect(await world.entries(shard)).toMatchObject([{ version: 1 }, { version: 2 }]);
});

test("puts at the same time follow one another: no version has two contents", async () => {
  const world = await gatewayWorld();
  const puts = await Promise.all([
    world.define([A_MAP]),
    world.define([B_MAP]),
    world.define([A_MAP, B_MAP]),
  ]);
  expect(puts.map(({ value }) => value)).toEqual([{ version: 1 }, { version: 2 }, { version: 3 }]);
  expect((await world.ask("segments.get", {})).value).toMatchObject({
    version: 3,
    maps: [{ name: "life" }, { name: "taste" }],
  });
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
