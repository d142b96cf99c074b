import { expect, test } from "vitest";
import type { StatusReply } from "../../src/gateway/status.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { encode } from "../../src/kernel/msgpack.ts";
import { anEvent, gatewayWorld, SHARDS } from "./gateway-world.ts";

type World = Awaited<ReturnType<typeof gatewayWorld>>;

const ask = async (world: World): Promise<StatusReply> =>
  (await world.ask("status", {})).value as StatusReply;

test("with an owner for every shard the engine is ready; lag is what the logs hold and nobody has folded", async () => {
  const world = await gatewayWorld();
  await world.serveShards(); // They have folded nothing.
  for (let i = 0; i < 5; i++) await world.ask("ingest", anEvent({ id: `e${i}` }));
  const status = await ask(world);
  expect(status).toMatchObject({ node: "node-1", ready: true, lag: 5, users: 8, events: 12, memoryBytes: 1 });
  expect(status.shards[shardOf("ada", SHARDS)]).toMatchObject({ ready: true, lag: 5, node: "node-1" });
  expect(status.gateway).toMatchObject({ accepted: 5, requests: { ingest: 5, status: 1 } });
});

test("a shard that nobody owns, or whose owner fails, is not ready, and neither is the engine", async () => {
  const world = await gatewayWorld();
  await world.serveShards(1, 2);
  await world.bus.serve(world.subjects.shard(2, "status"), () => {
    throw new EngineError({ code: "INTERNAL", message: "broken", retryable: true });
  });
  const status = await ask(world);
  expect(status.ready).toBe(false);
  expect(status.shards[1]).toEqual({ shard: 1, ready: false, lag: null });
  expect(status.shards[2]).toEqual({ shard: 2, ready: false, lag: null });
  expect(status.shards.map(({ ready }) => ready)).toEqual([true, false, false, true]);
});

test("a request with fields is refused: status takes none", async () => {
  const world = await gatewayWorld();
  expect((await world.ask("status", { shard: 1 })).reply.error).toMatchObject({ code: "UNKNOWN_FIELD" });
});

test("the encoder in force, what is being rolled out and what can be taken back are told; null if nobody knows", async () => {
  const world = await gatewayWorld();
  await world.serveShards();
  expect((await ask(world)).release).toBeNull();
  const rollOut = { encoder: "e2", isHeld: true, prepared: 1, shards: 4 };
  const previous = { encoder: "e0", untilMs: 5 };
  await world.bus.serve(world.subjects.profileActor("status"), () => ({
    data: encode({ encoder: "e1", rollOut, previous, applied: 7 }),
    contentType: "application/msgpack",
  }));
  expect((await ask(world)).release).toEqual({ encoder: "e1", rollOut, previous });
});
