import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { EraseReply } from "../../src/gateway/erase.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { erasureKey } from "../../src/privacy/erasure-record.ts";
import { userHasher } from "../../src/privacy/user-hash.ts";
import { gatewayWorld, SHARDS } from "./gateway-world.ts";

const SHARD = shardOf("ada", SHARDS);
const hash = userHasher(new Uint8Array(32))("ada");

/** A gateway whose shards tell this of whoever is to be erased. */
async function aWorld(told: { pending: string | null; isHeld: boolean }, isPatient = false) {
  const world = await gatewayWorld({ isPatient });
  const asked: unknown[] = [];
  await world.bus.serve(world.subjects.shard(SHARD, "erasing"), ({ data }) => {
    asked.push(decode(data));
    return { data: encode({ answers: [encode(told)], epoch: 1 }), contentType: "application/msgpack" };
  });
  return { ...world, asked };
}

test("an erasure goes into the user's log, with their hash, behind everything acknowledged before", async () => {
  const world = await aWorld({ pending: null, isHeld: true });
  const { value } = await world.ask("erase", { user: "ada", waitMs: 0 });
  const { erasure } = value as EraseReply;
  expect(value).toMatchObject({ state: "asked", reason: "asked", shard: SHARD, sequence: 1 });
  expect(await world.entries(SHARD)).toMatchObject([{ kind: "erase", id: erasure, user: "ada", hash }]);
  expect(world.asked).toMatchObject([{ user: "ada", hash, atLeast: 0 }]);
  expect(world.appended.some(({ messages }) => messages.some(({ id }) => id.includes("ada")))).toBe(false);
});

test("asked again while one is pending and nothing new is held, it joins that one", async () => {
  const world = await aWorld({ pending: "first", isHeld: false });
  const { value } = await world.ask("erase", { user: "ada", waitMs: 0 });
  expect(value).toMatchObject({ erasure: "first", state: "asked" });
  expect(await world.entries(SHARD)).toEqual([]);
});

test("of somebody who came back since, it is another one", async () => {
  const world = await aWorld({ pending: "first", isHeld: true });
  const { value } = await world.ask("erase", { user: "ada", waitMs: 0 });
  expect((value as EraseReply).erasure).not.toBe("first");
  expect(await world.entries(SHARD)).toHaveLength(1);
});

test("who waits is answered as soon as an eraser tells that theirs is done, however long it would be until the next look", async () => {
  const world = await aWorld({ pending: "e-1", isHeld: false }, true);
  const both = ["ada", "ada"].map((user) => world.ask("erase", { user, waitMs: 60_000 }));
  const done = { erasure: "e-1", state: "done", reason: "asked", shard: SHARD, sequence: 7, verified: true };
  await expect(Promise.race([...both, turn("still waiting")])).resolves.toBe("still waiting");
  world.bus.publish(world.subjects.erasures, encode(["another"]));
  await expect(Promise.race([...both, turn("still waiting")])).resolves.toBe("still waiting");
  await world.releases.put(erasureKey("e-1"), new TextEncoder().encode(JSON.stringify(done)));
  world.bus.publish(world.subjects.erasures, encode(["e-0", "e-1"]));
  for (const { value } of await Promise.all(both)) expect(value).toEqual(done);
});

test("what an eraser told and nobody heard is found by looking", async () => {
  const world = await aWorld({ pending: "e-1", isHeld: false });
  const done = { erasure: "e-1", state: "done", reason: "asked", shard: SHARD, sequence: 7, verified: true };
  const asked = world.ask("erase", { user: "ada", waitMs: 60_000 });
  await world.releases.put(erasureKey("e-1"), new TextEncoder().encode(JSON.stringify(done)));
  expect((await asked).value).toEqual(done);
});

test("the id tells how far it is, and an id that was never given says so", async () => {
  const world = await aWorld({ pending: null, isHeld: false });
  const done = { erasure: "e-1", state: "done", reason: "asked", shard: 0, sequence: 7, verified: true };
  await world.releases.put(erasureKey("e-1"), new TextEncoder().encode(JSON.stringify(done)));
  expect((await world.ask("erase", { erasure: "e-1" })).value).toEqual(done);
  for (const erasure of ["e-2", "../e-1"])
    expect((await world.ask("erase", { erasure })).value).toMatchObject({ code: "UNKNOWN_ERASURE" });
});

test.for([
  [{}, "WRONG_TYPE"],
  [{ user: "ada", erasure: "e-1" }, "WRONG_TYPE"],
  [{ user: "" }, "BAD_ID"],
  [{ user: "ada", waitMs: -1 }, "WRONG_TYPE"],
  [{ user: "ada", waitMs: 1e9 }, "WRONG_TYPE"],
  [{ user: "ada", all: true }, "UNKNOWN_FIELD"],
  [null, "NOT_AN_OBJECT"],
] as const)("what is no request is refused: %j", async ([body, code]) => {
  const world = await gatewayWorld();
  expect((await world.ask("erase", body)).value).toMatchObject({ code });
});
