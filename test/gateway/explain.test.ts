import { expect, test } from "vitest";
import { shardOf } from "../../src/kernel/hash.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import type { DecisionKind } from "../../src/resonance/decision-id.ts";
import { gatewayWorld, NOW_MS, SHARDS } from "./gateway-world.ts";

async function aWorld() {
  const world = await gatewayWorld();
  await world.define();
  const asked = await world.serveShards();
  const idOf = (kind: DecisionKind, key = 3): string =>
    world.decisions.next({ kind, key, applied: 9, lastSequence: 8, atMs: NOW_MS, map: 0, digest: 1 }, "ada");
  const codeOf = async (body: unknown) => (await world.ask("explain", body)).reply.error?.code;
  return { ...world, ask: world.ask.bind(world), send: world.send.bind(world), asked, idOf, codeOf };
}

test("a user is explained by what their shard hands out, in the map that comes first", async () => {
  const world = await aWorld();
  const { value } = await world.ask("explain", { user: "ada", segments: ["new"] });
  expect(value).toEqual({ explained: true });
  const shard = shardOf("ada", SHARDS);
  expect(world.asked).toEqual([{ shard, name: "holding", request: { user: "ada" } }]);
  expect(world.questions).toEqual([
    {
      kind: "user",
      user: "ada",
      map: "life",
      segments: ["new"],
      shard,
      held: encode("ada"),
      type: "application/json",
      inAnswer: false,
    },
  ]);
});

test("a decision is explained under its id, in the type of the request", async () => {
  const world = await aWorld();
  const decision = world.idOf("known");
  const reply = await world.send("explain", encode({ decision }), "application/msgpack");
  expect(decode(reply.data)).toEqual({ explained: true });
  expect(world.questions).toEqual([
    { kind: "decision", decision, segments: [], type: "application/msgpack" },
  ]);
  expect(world.asked).toEqual([]);
});

test("a score may be asked to explain itself, at the position that it is asked for", async () => {
  const world = await aWorld();
  const shard = shardOf("ada", SHARDS);
  await world.ask("score", { user: "ada", explain: true, top: 2, atLeast: { shard, sequence: 5 } });
  expect(world.asked).toMatchObject([{ name: "holding", request: { user: "ada", atLeast: 5 } }]);
  expect(world.questions).toMatchObject([{ kind: "user", top: 2, inAnswer: true }]);
});

test("what can't be replayed is told from what was never given", async () => {
  const world = await aWorld();
  expect(await world.codeOf({ decision: world.idOf("session") })).toBe("DECISION_NOT_KEPT");
  expect(await world.codeOf({ decision: world.idOf("many") })).toBe("DECISION_NOT_KEPT");
  expect(await world.codeOf({ decision: world.idOf("known", SHARDS) })).toBe("DECISION_TOO_OLD");
  expect(await world.codeOf({ decision: world.idOf("known").replace(/.$/, "!") })).toBe("BAD_DECISION");
  expect(await world.codeOf({ decision: "made-up" })).toBe("BAD_DECISION");
  expect(world.questions).toEqual([]);
});

test("a request that does not say what is to be explained is refused", async () => {
  const world = await aWorld();
  expect(await world.codeOf({})).toBe("MISSING_FIELD");
  expect(await world.codeOf({ decision: world.idOf("known"), user: "ada" })).toBe("NOT_SUPPORTED");
  expect(await world.codeOf({ decision: world.idOf("known"), map: "life" })).toBe("NOT_SUPPORTED");
  expect(await world.codeOf({ decision: 7 })).toBe("WRONG_TYPE");
  expect(await world.codeOf({ user: "ada", segments: "new" })).toBe("WRONG_TYPE");
  expect(await world.codeOf({ user: "ada", why: true })).toBe("UNKNOWN_FIELD");
});
