import { expect, test } from "vitest";
import { encodeReply } from "../../src/events/decode-request.ts";
import { LIMITS } from "../../src/events/limits.ts";
import { arrivalOf } from "../../src/features/arrival.ts";
import type { ScoreReply, SessionReply } from "../../src/gateway/score.ts";
import { SESSION_TOKEN_MS } from "../../src/gateway/session-tokens.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import { A_MAP, anEvent, gatewayWorld, NOW_MS, SHARDS } from "./gateway-world.ts";

test("a score comes from the user's shard, with what it is based on and an id of its own", async () => {
  const world = await gatewayWorld();
  await world.define();
  const asked = await world.serveShards();
  const { value } = await world.ask("score", { user: "ada", map: "life" });
  const shard = shardOf("ada", SHARDS);
  expect(asked).toMatchObject([{ shard, name: "score", request: { users: ["ada"], map: "life" } }]);
  expect(value).toEqual({
    user: "ada",
    map: "life",
    known: true,
    segments: [
      { segment: "new", probability: 0.7, similarity: 0.4, resonating: true },
      { segment: "loyal", probability: 0.2, similarity: -0.1, resonating: false },
    ],
    none: 0.1,
    evidence: 4,
    versions: { encoder: "e1", trained: true, profiles: { life: 3 }, segments: 1 },
    ages: { contextMs: 5, profilesMs: { life: 7 } },
    position: { shard, sequence: 9 },
    decision: "decision-1",
  });
});

test("the map is the first one defined unless another is named; without any there is nothing to score", async () => {
  const world = await gatewayWorld();
  await world.serveShards();
  expect((await world.ask("score", { user: "ada" })).reply.error).toMatchObject({ code: "NO_SEGMENTS" });
  await world.define([A_MAP, { name: "taste", segments: ["jazz"] }]);
  expect((await world.ask("score", { user: "ada" })).value).toMatchObject({ map: "life" });
});

test("a map that the shard has not folded yet is worth asking for again", async () => {
  const world = await gatewayWorld();
  await world.define([A_MAP, { name: "taste", segments: ["jazz"] }]);
  await world.serveShards(); // They know only "life".
  const { reply } = await world.ask("score", { user: "ada", map: "taste" });
  expect(reply.error).toMatchObject({ code: "UNKNOWN_MAP", retryable: true });
});

test("of the positions that an ingest answered, the shard gets the highest of its own", async () => {
  const world = await gatewayWorld();
  await world.define();
  const asked = await world.serveShards();
  const shard = shardOf("ada", SHARDS);
  const other = (shard + 1) % SHARDS;
  const leastOf = async (atLeast: unknown): Promise<unknown> => {
    await world.ask("score", { user: "ada", atLeast });
    const last = asked.at(-1);
    return last?.name === "score" ? last.request.atLeast : last;
  };
  expect(await leastOf({ shard, sequence: 7 })).toBe(7);
  expect(
    await leastOf([
      { shard: other, sequence: 99 },
      { shard, sequence: 7 },
      { shard, sequence: 5 },
    ]),
  ).toBe(7);
  expect(await leastOf({ shard: other, sequence: 99 })).toBeUndefined();
  expect(await leastOf([])).toBeUndefined();
});

test("what is of one visitor is refused for many instead of passed over", async () => {
  const world = await gatewayWorld();
  await world.define();
  await world.serveShards();
  for (const fields of [{ context: { device: "mobile" } }, { explain: true }])
    expect((await world.ask("score.batch", { users: ["ada"], ...fields })).reply.error).toMatchObject({
      code: "NOT_SUPPORTED",
    });
  expect((await world.ask("score", { user: "ada", explain: false })).reply.error).toBeUndefined();
});

test("a request's context is made coarse, and the shard is told numbers only", async () => {
  const world = await gatewayWorld();
  await world.define();
  const asked = await world.serveShards();
  const context = { referrer: "https://www.google.com/search?q=shoes", page: "/shoes" };
  const arrival = [...arrivalOf({ referrer: "google.com", medium: "search" })!];
  await world.ask("score", { user: "ada", context });
  await world.ask("score", { user: "ada", context, atLeast: { shard: shardOf("ada", SHARDS), sequence: 1 } });
  await world.ask("score.session", { events: [], context });
  expect(asked.map(({ request }) => request)).toMatchObject([
    { users: ["ada"], arrivals: [arrival] },
    { users: ["ada"], arrivals: [arrival] },
    { behaviours: [], arrival },
  ]);
  expect(JSON.stringify(asked)).not.toContain("shoes");
  await world.ask("score", { user: "ada", context, explain: true });
  await world.ask("explain", { user: "ada", context });
  expect(world.questions).toMatchObject([{ arrival }, { arrival }]);
});

test("requests with and without a context share a request to the shard, each with its own", async () => {
  const world = await gatewayWorld();
  await world.define();
  const asked = await world.serveShards();
  const sameShard = Array.from({ length: 100 }, (_, i) => `user-${i}`).filter(
    (user) => shardOf(user, SHARDS) === 0,
  );
  const [first, second, third] = sameShard;
  await Promise.all([
    world.ask("score", { user: first }),
    world.ask("score", { user: second, context: { os: "android" } }),
    world.ask("score", { user: third, context: { page: "/" } }), // Nothing that tells how somebody came.
  ]);
  expect(asked).toHaveLength(1);
  const arrival = [...arrivalOf({ os: "android" })!];
  expect(asked[0]?.request).toMatchObject({ users: [first, second, third], arrivals: [null, arrival] });
});

test("a context that no event may have is refused with the same code", async () => {
  const world = await gatewayWorld();
  await world.define();
  for (const [endpoint, body] of [
    ["score", { user: "ada" }],
    ["score.session", { events: [] }],
    ["explain", { user: "ada" }],
  ] as const)
    expect((await world.ask(endpoint, { ...body, context: { os: 7 } })).reply.error).toMatchObject({
      code: "WRONG_TYPE",
    });
  const decided = { decision: "d", context: { os: "android" } };
  expect((await world.ask("explain", decided)).reply.error).toMatchObject({ code: "NOT_SUPPORTED" });
});

test("a shard that nobody owns is an error to try again after, and a shard's own error keeps its code", async () => {
  const world = await gatewayWorld();
  await world.define();
  const unowned = await world.ask("score", { user: "ada" });
  expect(unowned.reply.error).toMatchObject({ code: "NO_RESPONDERS", retryable: true });
  expect(unowned.value).toMatchObject({ code: "NO_RESPONDERS", retryable: true });

  await world.bus.serve(world.subjects.shard(shardOf("ada", SHARDS), "score"), () => {
    throw new EngineError({
      code: "NOT_CAUGHT_UP",
      message: "later",
      retryable: true,
      detail: { applied: 3 },
    });
  });
  const behind = await world.ask("score", { user: "ada" });
  expect(behind.value).toEqual({
    code: "NOT_CAUGHT_UP",
    message: "later",
    retryable: true,
    detail: { applied: 3 },
  });
});

test("a batch asks each shard once and answers in the order of its users", async () => {
  const world = await gatewayWorld();
  await world.define();
  const asked = await world.serveShards();
  const users = Array.from({ length: LIMITS.requestUsers }, (_, i) => `user-${i % 700}`); // Some twice.
  const { value } = await world.ask("score.batch", { users });
  const { answers } = value as { answers: ScoreReply[] };
  expect(answers.map(({ user }) => user)).toEqual(users);
  expect(new Set(answers.map(({ decision }) => decision)).size).toBe(users.length);
  expect(asked.map(({ shard }) => shard).sort()).toEqual([0, 1, 2, 3]);
  for (const { position, user } of answers) expect(position.shard).toBe(shardOf(user, SHARDS));
});

test("a batch is refused for one bad user or for too many, and an empty one is answered", async () => {
  const world = await gatewayWorld();
  await world.define();
  const asked = await world.serveShards();
  const codeOf = async (users: unknown) => (await world.ask("score.batch", { users })).reply.error?.code;
  expect(await codeOf(["ada", 5])).toBe("WRONG_TYPE");
  expect(await codeOf(["ada", ""])).toBe("BAD_ID");
  expect(await codeOf("ada")).toBe("WRONG_TYPE");
  expect(await codeOf(undefined)).toBe("WRONG_TYPE");
  expect(await codeOf(Array.from({ length: LIMITS.requestUsers + 1 }, () => "ada"))).toBe("TOO_MANY");
  expect(asked).toEqual([]);
  expect((await world.ask("score.batch", { users: [] })).value).toEqual({ answers: [] });
});

test("sessions take the shards in turn, are reduced as events are, and are stored nowhere", async () => {
  const world = await gatewayWorld();
  await world.define();
  const before = world.appended.length;
  const asked = await world.serveShards();
  const events = [anEvent({ id: "a", text: "I love it", peer: "bob" }), anEvent({ id: "b" })];
  for (let i = 0; i < SHARDS; i++) {
    const { value } = await world.ask("score.session", { events });
    expect(value).toMatchObject({ map: "life", segments: [{ segment: "new" }, { segment: "loyal" }] });
  }
  expect(asked.map(({ shard, name }) => `${name} ${shard}`)).toEqual([
    "session 0",
    "session 1",
    "session 2",
    "session 3",
  ]);
  expect(asked[0]).toMatchObject({ request: { map: "life", behaviours: [{ id: "a" }, { id: "b" }] } });
  expect(JSON.stringify(asked)).not.toContain("bob");
  expect(world.appended.length).toBe(before);
  expect(world.gateway.counters.dropped).toEqual({
    "text.not-given": SHARDS,
    "social.not-given": SHARDS,
  });
});

test("a session is refused as a whole for one bad event, and told which", async () => {
  const world = await gatewayWorld();
  await world.define();
  const asked = await world.serveShards();
  const { reply } = await world.ask("score.session", { events: [anEvent(), anEvent({ id: "" })] });
  expect(reply.error).toMatchObject({ code: "BAD_ID", message: expect.stringContaining("events[1]") });
  const many = Array.from({ length: LIMITS.requestEvents + 1 }, (_, i) => anEvent({ id: `e${i}` }));
  expect((await world.ask("score.session", { events: many })).reply.error).toMatchObject({
    code: "TOO_MANY",
  });
  expect(asked).toEqual([]);
});

test("a session's answer has a token, and what it seals goes on with the next request, to whatever shard", async () => {
  const world = await gatewayWorld();
  await world.define();
  const asked = await world.serveShards();
  const first = (await world.ask("score.session", { events: [anEvent()] })).value as SessionReply;
  expect(first).toMatchObject({ map: "life", carried: "nothing", tokenExpires: NOW_MS + SESSION_TOKEN_MS });
  const { token } = first;
  const second = await world.ask("score.session", { events: [], token });
  expect((second.value as SessionReply).token).not.toBe(token);
  expect(asked[0]?.request).not.toHaveProperty("carried");
  expect(asked[1]).toMatchObject({ shard: 1, request: { carried: Buffer.of(1, 2, 3) } });
  const packed = encodeReply({ events: [], token }, "application/msgpack");
  const reply = await world.send("score.session", packed, "application/msgpack");
  expect(decode(reply.data)).toMatchObject({ map: "life", none: 0.1, token: expect.any(String) });
});

test("a session may be asked about without a token", async () => {
  const world = await gatewayWorld();
  await world.define();
  const asked = await world.serveShards();
  const { value } = await world.ask("score.session", { events: [anEvent()], token: false });
  expect(value).not.toHaveProperty("token");
  expect(asked[0]).toMatchObject({ request: { carries: false } });
});

test("a token that this deployment did not give, or gave too long ago, is refused before any shard is asked", async () => {
  const [world, elsewhere] = [await gatewayWorld(), await gatewayWorld()];
  await world.define();
  await elsewhere.define();
  const asked = await world.serveShards();
  await elsewhere.serveShards();
  const foreign = (await elsewhere.ask("score.session", { events: [] })).value as SessionReply;
  for (const token of [foreign.token, "", "x", "A".repeat(100_000)])
    expect((await world.ask("score.session", { events: [], token })).reply.error).toMatchObject({
      code: "BAD_TOKEN",
      retryable: false,
    });
  for (const token of [true, 5, null, {}])
    expect((await world.ask("score.session", { events: [], token })).reply.error).toMatchObject({
      code: "WRONG_TYPE",
    });
  expect(asked).toEqual([]);
});
