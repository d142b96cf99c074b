import fc from "fast-check";
import { expect, test } from "vitest";
import { type SplitRule, splitUsers } from "../../../src/cli/evaluate/split.ts";

const users = (count: number) => Array.from({ length: count }, (_, index) => `u${index}`);
const seeds = fc.integer({ min: 0, max: 1_000_000 });
const rules: fc.Arbitrary<SplitRule> = fc.oneof(
  fc.record({ kind: fc.constant("hash" as const), seed: seeds }),
  fc.record({ kind: fc.constant("block" as const), size: fc.integer({ min: 1, max: 50 }), seed: seeds }),
);

test("everybody is either a member or masked", () => {
  const holds = (count: number, rule: SplitRule) => {
    const { members, masked } = splitUsers(users(count), rule);
    expect(new Set([...members, ...masked])).toEqual(new Set(users(count)));
    expect(members.size + masked.size).toBe(count);
  };
  fc.assert(fc.property(fc.integer({ min: 0, max: 500 }), rules, holds));
});

test("a hash split masks about one in five", () => {
  const { masked } = splitUsers(users(20_000), { kind: "hash", seed: 1 });
  expect(masked.size / 20_000).toBeGreaterThan(0.19);
  expect(masked.size / 20_000).toBeLessThan(0.21);
});

test("by hash, a user's side does not depend on who else is there", () => {
  const rule: SplitRule = { kind: "hash", seed: 3 };
  const few = splitUsers(users(100).toReversed(), rule);
  const many = splitUsers(users(1_000), rule);
  expect([...few.masked].every((user) => many.masked.has(user))).toBe(true);
  expect([...few.members].every((user) => many.members.has(user))).toBe(true);
});

test("by block, neighbours stay together and exactly one of five blocks is masked", () => {
  const { masked } = splitUsers(users(5_000), { kind: "block", size: 100, seed: 9 });
  const blocks = Array.from({ length: 50 }, (_, block) =>
    users(5_000)
      .slice(block * 100, block * 100 + 100)
      .filter((user) => masked.has(user)),
  );
  expect(blocks.every((block) => block.length === 0 || block.length === 100)).toBe(true);
  const byFive = Array.from({ length: 10 }, (_, five) =>
    blocks.slice(five * 5, five * 5 + 5).reduce((sum, block) => sum + block.length, 0),
  );
  expect(byFive).toEqual(new Array(10).fill(100));
});

test("the seed chooses the side, and the same seed chooses the same", () => {
  for (const rule of [{ kind: "hash" }, { kind: "block", size: 10 }] as const) {
    const masked = (seed: number) => [...splitUsers(users(1_000), { ...rule, seed }).masked].join();
    expect(masked(1)).toBe(masked(1));
    expect(masked(1)).not.toBe(masked(2));
  }
});

test("an empty block is refused", () => {
  expect(() => splitUsers(users(3), { kind: "block", size: 0, seed: 1 })).toThrow(RangeError);
});
