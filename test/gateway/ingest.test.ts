import { expect, test } from "vitest";
import { LIMITS } from "../../src/events/limits.ts";
import type { IngestReply } from "../../src/gateway/ingest.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { anEvent, gatewayWorld, NOW_MS, SHARDS } from "./gateway-world.ts";

/** A user of each shard. */
const users = Array.from({ length: SHARDS }, (_, shard) => userOf(shard));

test("one event is stored in its user's shard, as the behaviour that it shows", async () => {
  const world = await gatewayWorld();
  const { value } = await world.ask("ingest", anEvent({ user: users[2], item: "sku" }));
  expect(value).toEqual({ accepted: 1, refused: [], positions: [{ shard: 2, sequence: 1 }] });
  expect(await world.entries(2)).toEqual([
    { kind: "behaviour", id: "e1", user: users[2], type: "view", tsMs: NOW_MS - 1_000, item: "sku" },
  ]);
});

test("a batch goes to its users' shards in order, one message each, and the reply names the sequence of each", async () => {
  const world = await gatewayWorld();
  const events = [0, 1, 0, 3, 0].map((shard, i) => anEvent({ id: `e${i}`, user: users[shard] }));
  const { value } = await world.ask("ingest", { events });
  const { accepted, positions } = value as IngestReply;
  expect(accepted).toBe(5);
  expect([...positions].sort((a, b) => a.shard - b.shard)).toEqual([
    { shard: 0, sequence: 1 },
    { shard: 1, sequence: 1 },
    { shard: 3, sequence: 1 },
  ]);
  expect((await world.entries(0)).map((entry) => "id" in entry && entry.id)).toEqual(["e0", "e2", "e4"]);
});

test("a batch that is sent again is known by the log, and so is each of its events alone", async () => {
  const world = await gatewayWorld();
  const events = ["a", "b"].map((id) => anEvent({ id, user: users[0] }));
  for (let times = 0; times < 2; times++) {
    const { value } = await world.ask("ingest", { events });
    expect(value).toMatchObject({ accepted: 2, positions: [{ shard: 0, sequence: 1 }] });
  }
  for (let times = 0; times < 2; times++) {
    const { value } = await world.ask("ingest", anEvent({ id: "c", user: users[0] }));
    expect(value).toMatchObject({ accepted: 1, positions: [{ shard: 0, sequence: 2 }] });
  }
  expect(await world.entries(0)).toHaveLength(3);
});

test("an event that is refused does not take its batch with it", async () => {
  const world = await gatewayWorld();
  const events = [
    anEvent({ id: "a" }),
    anEvent({ id: "" }),
    anEvent({ id: "b", value: "x" }),
    anEvent({ id: "c" }),
  ];
  const { value } = await world.ask("ingest", { events });
  expect(value).toMatchObject({
    accepted: 2,
    refused: [
      { index: 1, code: "BAD_ID" },
      { index: 2, code: "WRONG_TYPE" },
    ],
  });
  expect(world.gateway.counters).toMatchObject({ accepted: 2, refused: { BAD_ID: 1, WRONG_TYPE: 1 } });
});

test("a shard whose log fails refuses its own events, to be sent again; the others are stored", async () => {
  const world = await gatewayWorld();
  world.broken.add(1);
  const events = [1, 0, 1, 2].map((shard, i) => anEvent({ id: `e${i}`, user: users[shard] }));
  const { value, reply } = await world.ask("ingest", { events });
  expect(reply.error).toBeUndefined();
  expect(value).toMatchObject({
    accepted: 2,
    refused: [
      { index: 0, code: "LOG_UNAVAILABLE" },
      { index: 2, code: "LOG_UNAVAILABLE" },
    ],
  });
  expect((value as IngestReply).positions.map(({ shard }) => shard).sort()).toEqual([0, 2]);
  expect(world.gateway.counters).toMatchObject({ accepted: 2, refused: { LOG_UNAVAILABLE: 2 } });

  world.broken.clear();
  const again = await world.ask("ingest", { events });
  expect(again.value).toMatchObject({ accepted: 4, refused: [] });
  expect(await world.entries(0)).toHaveLength(1); // The log knew it by its id.
});

test("events of different users or ids never share a message id, even where a header trims blanks", async () => {
  const world = await gatewayWorld();
  const user = users[0] ?? "";
  for (const id of ["a", "a ", " a", "a\u00a0", "\u00a0a"]) await world.ask("ingest", anEvent({ id, user }));
  const ids = world.appended.flatMap(({ messages }) => messages.map((message) => message.id.trim()));
  expect(new Set(ids).size).toBe(5);
});

test("what is dropped for want of consent is counted by purpose", async () => {
  const world = await gatewayWorld();
  const location = { lat: 1, lon: 1 };
  await world.ask("ingest", {
    events: [
      anEvent({ id: "a", location, peer: "bob" }),
      anEvent({ id: "b", location, consent: { location: true } }),
      anEvent({ id: "c", location }),
    ],
  });
  expect(world.gateway.counters.dropped).toEqual({
    "location.not-given": 2,
    "social.not-given": 1,
  });
});

test("a full batch is taken and one more event is refused as a whole", async () => {
  const world = await gatewayWorld();
  const events = Array.from({ length: LIMITS.requestEvents }, (_, i) =>
    anEvent({ id: `e${i}`, user: `u${i}` }),
  );
  expect((await world.ask("ingest", { events })).value).toMatchObject({ accepted: LIMITS.requestEvents });
  const { reply } = await world.ask("ingest", { events: [...events, anEvent()] });
  expect(reply.error).toMatchObject({ code: "TOO_MANY", retryable: false });
});

test("a large batch lets others in between, and its events stay in order", async () => {
  const world = await gatewayWorld();
  const events = Array.from({ length: LIMITS.requestEvents }, (_, i) =>
    anEvent({ id: `e${i}`, user: users[0] }),
  );
  const large = world.ask("ingest", { events });
  const small = world.ask("ingest", anEvent({ id: "small", user: users[0] }));
  await Promise.all([large, small]);
  const ids = (await world.entries(0)).map((entry) => "id" in entry && entry.id);
  expect(ids).toEqual(["small", ...events.map(({ id }) => id)]);
});

test("an empty batch is answered, and stores nothing", async () => {
  const world = await gatewayWorld();
  expect((await world.ask("ingest", { events: [] })).value).toEqual({
    accepted: 0,
    refused: [],
    positions: [],
  });
  expect(world.appended).toEqual([]);
});

test("the reply has the content type of its request", async () => {
  const world = await gatewayWorld();
  const asMsgpack = await world.send("ingest", encode(anEvent()), "application/msgpack");
  expect(asMsgpack.contentType).toBe("application/msgpack");
  expect(decode(asMsgpack.data)).toMatchObject({ accepted: 1 });
  const asJson = await world.ask("ingest", anEvent({ id: "e2" }));
  expect(asJson.reply.contentType).toBe("application/json");
});

test("requests and errors are counted by endpoint and code", async () => {
  const world = await gatewayWorld();
  await world.ask("ingest", anEvent());
  await world.ask("ingest", { events: 5 });
  await world.ask("score", {});
  expect(world.gateway.counters).toMatchObject({
    requests: { ingest: 2, score: 1 },
    errors: { WRONG_TYPE: 1, MISSING_FIELD: 1 },
  });
});

function userOf(shard: number): string {
  for (let i = 0; ; i++) if (shardOf(`user-${i}`, SHARDS) === shard) return `user-${i}`;
}
