import { expect, test } from "vitest";
import { anonymousSample } from "../../src/shards/anonymous-sample.ts";
import { aShard, aView, fold, START_MS } from "./a-shard.ts";

const DAY_MS = 86_400_000;

test("those who identified, did nothing, or were not seen for a week are no traffic", () => {
  const shard = aShard();
  fold(
    shard,
    aView({ user: "ada", tsMs: START_MS }),
    aView({ user: "old", tsMs: START_MS - 8 * DAY_MS }),
    aView({ user: "bob", tsMs: START_MS - 6 * DAY_MS }),
    aView({ user: "member", tsMs: START_MS + 9 * DAY_MS }),
    aView({ user: "member", tsMs: START_MS + 9 * DAY_MS, type: "identify" }),
    aView({ user: "shy", tsMs: START_MS, type: "consent", consent: { text: true } }),
  );
  expect([...anonymousSample(shard.contexts.values(), 10)].sort()).toEqual(["ada", "bob"]);
});

test("of many it is always the same ones, whatever their order", () => {
  const shard = aShard();
  const users = Array.from({ length: 100 }, (_, i) => `user-${i}`);
  fold(shard, ...users.map((user) => aView({ user })));
  const other = aShard();
  fold(other, ...users.toReversed().map((user) => aView({ user })));
  const sample = anonymousSample(shard.contexts.values(), 10);
  expect(sample).toHaveLength(10);
  expect(anonymousSample(other.contexts.values(), 10)).toEqual(sample);
});
