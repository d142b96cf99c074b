import { expect, test } from "vitest";
import type { IngestReply } from "../../src/gateway/ingest.ts";
import { IngestLimits } from "../../src/gateway/ingest-limits.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { anEvent, gatewayWorld, SHARDS } from "./gateway-world.ts";

/** Users of each shard, two at least. */
const users = Array.from({ length: SHARDS }, (_, shard) =>
  Array.from({ length: 100 }, (_, i) => `user-${i}`).filter((user) => shardOf(user, SHARDS) === shard),
);
let ids = 0;
const events = (count: number, user = "ada") =>
  Array.from({ length: count }, () => anEvent({ id: `e${++ids}`, user }));

test("a producer who sends more than it may is refused as a whole, told when to come again, and let in then", async () => {
  const world = await gatewayWorld({ options: { rates: { producer: { perSecond: 10, burst: 20 } } } });
  const shop = { name: "shop" };
  expect((await world.ask("ingest", { events: events(20) }, shop)).value).toMatchObject({ accepted: 20 });
  const { reply } = await world.ask("ingest", { events: events(5) }, shop);
  expect(reply.error).toMatchObject({
    code: "RATE_LIMITED",
    retryable: true,
    detail: { limit: "producer", retryAfterMs: 500 },
  });
  expect((await world.ask("ingest", { events: events(20) }, { name: "app" })).value).toMatchObject({
    accepted: 20,
  });
  world.pass(500);
  expect((await world.ask("ingest", { events: events(5) }, shop)).value).toMatchObject({ accepted: 5 });
  expect(world.gateway.counters.errors).toEqual({ RATE_LIMITED: 1 });
});

test("those who tell no name share what one producer may, apart from everybody who tells theirs", async () => {
  const world = await gatewayWorld({ options: { rates: { producer: { perSecond: 10, burst: 20 } } } });
  expect((await world.ask("ingest", { events: events(15, "ada") })).value).toMatchObject({ accepted: 15 });
  const { reply } = await world.ask("ingest", { events: events(10, "bob") });
  expect(reply.error).toMatchObject({
    code: "RATE_LIMITED",
    retryable: true,
    detail: { limit: "unnamed producers", retryAfterMs: 500 },
  });
  const named = await world.ask("ingest", { events: events(20) }, { name: "nats shop" });
  expect(named.value).toMatchObject({ accepted: 20 });
  world.pass(500);
  expect((await world.ask("ingest", { events: events(10) })).value).toMatchObject({ accepted: 10 });
});

test("names that are made up do not make the bucket of those without one new", () => {
  const limits = new IngestLimits({ producer: { perSecond: 1, burst: 5 } });
  limits.admit(undefined, 5, 0);
  for (let i = 0; i < 20_000; i++) limits.admit({ name: `nats nobody-${i}` }, 1, 0);
  expect(() => limits.admit(undefined, 1, 0)).toThrow("unnamed producers");
});

test("without a limit of producers, whoever tells no name sends as much as they like", async () => {
  const world = await gatewayWorld({ options: { rates: { user: { perSecond: 1_000, burst: 1_000 } } } });
  for (let i = 0; i < 5; i++)
    expect((await world.ask("ingest", { events: events(100, `user-${i}`) })).reply.error).toBeUndefined();
});

test("what a producer's key allows counts before what all may", async () => {
  const world = await gatewayWorld({ options: { rates: { producer: { perSecond: 1, burst: 1 } } } });
  const partner = { name: "partner", rate: { perSecond: 100, burst: 100 } };
  expect((await world.ask("ingest", { events: events(100) }, partner)).value).toMatchObject({
    accepted: 100,
  });
  const { reply } = await world.ask("ingest", events(1)[0], partner);
  expect(reply.error).toMatchObject({ code: "RATE_LIMITED", detail: { retryAfterMs: 10 } });
});

test("names that are made up do not get past the gateway's own limit", async () => {
  const world = await gatewayWorld({ options: { rates: { gateway: { perSecond: 1, burst: 10 } } } });
  let accepted = 0;
  for (let i = 0; i < 30; i++) {
    const { value } = await world.ask("ingest", events(1)[0], { name: `nobody-${i}` });
    accepted += (value as Partial<IngestReply>).accepted ?? 0;
  }
  expect(accepted).toBe(10);
});

test("a user beyond their limit loses their own events, and nobody else's", async () => {
  const world = await gatewayWorld({ options: { rates: { user: { perSecond: 1, burst: 2 } } } });
  const { value, reply } = await world.ask("ingest", {
    events: [...events(4, "busy"), ...events(1, "calm")],
  });
  expect(reply.error).toBeUndefined();
  expect(value).toMatchObject({
    accepted: 3,
    refused: [
      { index: 2, code: "RATE_LIMITED", retryAfterMs: 1_000 },
      { index: 3, code: "RATE_LIMITED", retryAfterMs: 1_000 },
    ],
  });
  const alone = await world.ask("ingest", events(1, "busy")[0]);
  expect(alone.reply.error).toMatchObject({
    code: "RATE_LIMITED",
    retryable: true,
    detail: { retryAfterMs: 1_000 },
  });
});

test("a shard that stands still is filled to its bound and no further, the others go on, and it recovers", async () => {
  const world = await gatewayWorld({ options: { lagMax: 10 } });
  await world.serveShards();
  const [stalled, other] = [users[0]![0]!, users[1]![0]!];
  /** An event, after the shards were asked how far they are. */
  const send = async (user: string) => {
    world.pass(1_000);
    const sent = await world.ask("ingest", events(1, user)[0]);
    await new Promise(setImmediate);
    return sent;
  };
  let refusedAfter = 0;
  for (let i = 0; i < 30; i++) {
    const { reply } = await send(stalled);
    if (reply.error === undefined) refusedAfter++;
    else
      expect(reply.error).toMatchObject({
        code: "OVERLOADED",
        retryable: true,
        detail: { retryAfterMs: 30_000 },
      });
  }
  expect(refusedAfter).toBe(11); // More than ten: then it is full.
  expect(await world.entries(0)).toHaveLength(11);
  world.applied.set(1, 1_000);
  expect((await send(other)).value).toMatchObject({ accepted: 1 });
  const mixed = await world.ask("ingest", { events: [...events(1, stalled), ...events(1, other)] });
  expect(mixed.value).toMatchObject({ accepted: 1, refused: [{ index: 0, code: "OVERLOADED" }] });
  const { value } = await world.ask("status", {});
  expect(value).toMatchObject({ gateway: { refusing: [{ shard: 0, lag: 11 }] } });

  world.applied.set(0, 5);
  await send(stalled); // It is asked, and is more than half full still.
  expect((await send(stalled)).reply.error?.code).toBe("OVERLOADED");
  world.applied.set(0, 6);
  await send(stalled);
  expect((await send(stalled)).value).toMatchObject({ accepted: 1 });
  expect((await world.ask("status", {})).value).toMatchObject({ gateway: { refusing: [] } });
});

test("a shard is asked how far it is once a second at most, and only while events for it come", async () => {
  const world = await gatewayWorld({ options: { lagMax: 10 } });
  let asked = 0;
  await world.bus.serve(world.subjects.shard(0, "status"), () => {
    asked++;
    throw new Error("it hangs");
  });
  for (let i = 0; i < 100; i++) {
    world.pass(100);
    await world.ask("ingest", events(1, users[0]![0])[0]);
    await new Promise(setImmediate);
  }
  expect(asked).toBe(10);
  world.pass(60_000);
  expect(asked).toBe(10);
});

test("a shard that does not answer is not asked again before it has, or the question was given up", async () => {
  const world = await gatewayWorld({ options: { lagMax: 10 } });
  let asked = 0;
  await world.bus.serve(world.subjects.shard(0, "status"), () => {
    asked++;
    return new Promise(() => {});
  });
  for (let i = 0; i < 10; i++) {
    world.pass(1_000);
    await world.ask("ingest", events(1, users[0]?.[0])[0]);
  }
  expect(asked).toBe(1);
});
