import { beforeEach, expect, test } from "vitest";
import { shardOf } from "../../src/kernel/hash.ts";
import { gatewayWorld, SHARDS } from "./gateway-world.ts";

let world: Awaited<ReturnType<typeof gatewayWorld>>;
beforeEach(async () => {
  world = await gatewayWorld();
});

test("the first page is made of what the user's shard hands out, and a later one of the cursor alone", async () => {
  const asked = await world.serveShards();
  const first = await world.ask("export", { user: "ada" });
  expect(first.value).toEqual({ lines: [{ kind: "context", user: "ada" }], next: "on" });
  expect(asked).toEqual([{ shard: expect.any(Number), name: "holding", request: { user: "ada" } }]);
  const second = await world.ask("export", { user: "ada", cursor: "on" });
  expect(second.value).toEqual({ lines: [{ kind: "end" }] });
  expect(asked).toHaveLength(1);
  expect(world.exported).toMatchObject([
    { user: "ada", held: expect.any(Uint8Array) },
    { user: "ada", cursor: "on" },
  ]);
  expect(world.exported.map(({ shard }) => shard)).toEqual([shardOf("ada", SHARDS), shardOf("ada", SHARDS)]);
});

test.for<readonly [unknown, string]>([
  [{}, "MISSING_FIELD"],
  [{ user: 7 }, "WRONG_TYPE"],
  [{ user: "" }, "BAD_ID"],
  [{ user: "ada", all: true }, "UNKNOWN_FIELD"],
  [{ user: "ada", cursor: 5 }, "WRONG_TYPE"],
  [{ user: "ada", cursor: "x".repeat(5_000) }, "BAD_CURSOR"],
])("a request such as %j is refused as %s", async ([body, code]) => {
  expect((await world.ask("export", body)).reply.error?.code).toBe(code);
  expect(world.exported).toEqual([]);
});
