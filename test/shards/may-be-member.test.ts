import { expect, test } from "vitest";
import { aShard, aShardThatKnows, aView, fold, START_MS } from "./a-shard.ts";

const identify = () => aView({ type: "identify", segments: { life: "new" } });
const consent = (given: Record<string, boolean>) => aView({ type: "consent", consent: given });

test("who refuses to be personalised for is taken out of the profiles once, and sampled no more", () => {
  const shard = aShard();
  expect(fold(shard, aView(), identify()).samples).toHaveLength(1);
  const refused = fold(shard, consent({ personalisation: false }));
  expect(refused.removals).toEqual([{ sequence: 3, index: 0, user: "ada" }]);
  expect(refused.samples).toEqual([]);
  const later = fold(shard, consent({ personalisation: false }), identify(), aView());
  expect(later.removals).toEqual([]);
  expect(later.samples).toEqual([]);
});

test("a stranger who refuses was no member, so there is nobody to take out", () => {
  const shard = aShard();
  expect(fold(shard, aView(), consent({ personalisation: false })).removals).toEqual([]);
});

test("who consents again is a member again with what they do and say of themselves from there on", () => {
  const shard = aShard();
  fold(shard, aView(), identify(), consent({ personalisation: false }));
  expect(fold(shard, consent({ personalisation: true })).samples).toEqual([]); // Nothing is left to sample.
  expect(fold(shard, aView()).samples).toMatchObject([{ user: "ada", labels: {} }]);
  expect(fold(shard, identify()).samples).toMatchObject([{ user: "ada", labels: { life: "new" } }]);
});

test("a warm-up passes over members who refuse", async () => {
  const shard = await aShardThatKnows(["e2"], { ringEvents: 20 });
  for (const user of ["ada", "bob"])
    fold(shard, aView({ user }), aView({ user, type: "identify", segments: { life: "new" } }));
  fold(shard, aView({ type: "consent", consent: { personalisation: false }, tsMs: START_MS }));
  const since = shard.applied + 1;
  const { samples } = fold(
    shard,
    { kind: "encoder-prepared", encoder: "e2" },
    { kind: "warm-up-continued", warmUp: "encoder", since, slice: 0, users: 9 },
  );
  expect(samples.map(({ user }) => user)).toEqual(["bob"]);
});
