import { expect, test } from "vitest";
import { shardOf } from "../../src/kernel/hash.ts";

test("users are where docs/scores.md says, for clients that compute it", () => {
  expect(["ada", "bob", "zoë"].map((user) => shardOf(user, 8))).toEqual([3, 2, 6]);
  expect(["ada", "bob", "zoë"].map((user) => shardOf(user, 64))).toEqual([30, 22, 55]);
});

test("twice as many shards split each in two: a user of shard n is in 2n or 2n + 1", () => {
  for (let i = 0; i < 1_000; i++)
    expect(Math.floor(shardOf(`user-${i}`, 32) / 2)).toBe(shardOf(`user-${i}`, 16));
});
