import { expect, test } from "vitest";
import { encode } from "../../src/kernel/msgpack.ts";
import { columnsAsLists, joinColumns, type ShardRows } from "../../src/resonance/join-columns.ts";
import type { ShardColumns } from "../../src/resonance/score-answer.ts";
import { gatewayWorld } from "./gateway-world.ts";

const FACTS = { map: "life", users: 3, decision: "d" };

test("rows of several shards come back in the order of the request, each value in its place", () => {
  const joined = joinColumns([someRows([0, 2], 1), someRows([1], 2)], FACTS);
  expect(floats(joined.probabilities)).toEqual(
    [10, 11, 20, 21, 12, 13].map((value) => Math.fround(value / 100)),
  );
  expect(floats(joined.evidence)).toEqual([1, 2, 1]);
  expect([...joined.known]).toEqual([1, 0, 1]);
  expect(joined.segments).toEqual(["new", "loyal"]);
  expect(joined.shards).toMatchObject([
    { shard: 1, sequence: 9, versions: { encoder: "e1" } },
    { shard: 2, sequence: 9 },
  ]);
  expect(joined.similarities).toBeUndefined();
});

test("as lists they hold the same numbers, to seven decimals", () => {
  const lists = columnsAsLists(joinColumns([someRows([0, 1, 2], 1)], FACTS));
  expect(lists.probabilities).toEqual([0.1, 0.11, 0.12, 0.13, 0.14, 0.15]);
  expect(lists.known).toEqual([true, true, true]);
});

test("shards that do not hold the same segments yet can't be told in one table", () => {
  const parts = [someRows([0, 2], 1), someRows([1], 2, ["new", "loyal", "third"])];
  expect(() => joinColumns(parts, FACTS)).toThrow(
    expect.objectContaining({ code: "MIXED_DEFINITIONS", retryable: true }),
  );
});

test("columns are asked of each shard with the values that are wanted, and told by one id", async () => {
  const world = await gatewayWorld();
  await world.define();
  const asked: unknown[] = [];
  for (let shard = 0; shard < 4; shard++)
    await world.bus.serve(world.subjects.shard(shard, "score"), ({ data }) => {
      asked.push(data);
      const users = [0];
      return {
        data: encode({ answers: [encode(someRows(users, shard).columns)], epoch: 1 }),
        contentType: "application/msgpack",
      };
    });
  const { value } = await world.ask("score.batch", { users: ["ada"], format: "columns" });
  expect(asked).toHaveLength(1);
  expect(value).toMatchObject({
    map: "life",
    users: 1,
    probabilities: [0.1, 0.11],
    none: [0.5],
  });
  const { decision } = value as { decision: string };
  expect(world.decisions.read(decision).kind).toBe("many");
});

test.each([
  { fields: { format: "table" }, code: "WRONG_TYPE" },
  { fields: { format: "columns", fields: ["weights"] }, code: "WRONG_TYPE" },
  { fields: { fields: ["similarities"] }, code: "NOT_SUPPORTED" },
  { fields: { format: "columns", top: 3 }, code: "NOT_SUPPORTED" },
  { fields: { top: 1.5 }, code: "WRONG_TYPE" },
])("a batch with $fields is refused as $code", async ({ fields, code }) => {
  const world = await gatewayWorld();
  await world.define();
  const { reply } = await world.ask("score.batch", { users: ["ada"], ...fields });
  expect(reply.error?.code).toBe(code);
});

/** Rows whose probabilities count on from a tenth of the shard's number. */
function someRows(places: readonly number[], shard: number, segments = ["new", "loyal"]): ShardRows {
  const bytes = (values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer);
  const first = shard === 0 ? 10 : shard * 10;
  const columns: ShardColumns = {
    segments,
    versions: { encoder: "e1", trained: true, profiles: { life: 1 }, segments: 1 },
    position: { shard, sequence: 9 },
    known: Uint8Array.from(places, () => shard % 2),
    evidence: bytes(places.map(() => shard)),
    none: bytes(places.map(() => 0.5)),
    probabilities: bytes(
      Array.from({ length: places.length * segments.length }, (_, i) => (first + i) / 100),
    ),
  };
  return { columns, places };
}

function floats(bytes: Uint8Array): number[] {
  return [...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)];
}
