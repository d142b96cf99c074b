import { expect, test } from "vitest";
import { driftPage } from "../../src/shards/drift-page.ts";
import { aShard, aView, fold, MAP, START_MS, useProfiles } from "./a-shard.ts";

const ASK = { edges: [], sinceMs: 0, from: 0, step: 1, limit: 100 };

/** Two visitors, and two members of whom one came later. */
function aShardOfFour() {
  const shard = aShard();
  for (const [i, user] of ["old", "fresh"].entries()) {
    const tsMs = START_MS + i * 1_000;
    fold(
      shard,
      aView({ id: `who-${user}`, user, tsMs, type: "identify", segments: { [MAP.name]: "new" } }),
      aView({ id: `view-${user}`, user, tsMs, item: user }),
    );
  }
  for (const user of ["ann", "ben"]) fold(shard, aView({ user, item: user }));
  const { dim } = shard.encoder;
  useProfiles(shard, [new Float32Array(dim).fill(0.1), new Float32Array(dim).fill(-0.1)]);
  return shard;
}

test("members are scored as if nothing were known of them, those only whom the fit has not seen", () => {
  const shard = aShardOfFour();
  expect(driftPage(shard, ASK).maps[MAP.name]?.nll).toHaveLength(2);
  const { users, maps } = driftPage(shard, { ...ASK, sinceMs: START_MS });
  expect(users).toBe(4);
  const { nll = [], confidence = [], right = [] } = maps[MAP.name] ?? {};
  expect(nll).toHaveLength(1);
  // Among two segments: right or wrong, and the log-loss follows from the confidence.
  expect(nll[0]).toBeCloseTo(-Math.log(right[0] ? confidence[0]! : 1 - confidence[0]!), 9);
});

test("pages of every so many-th user come to all of these, each once", () => {
  const shard = aShardOfFour();
  const first = driftPage(shard, { ...ASK, step: 2, limit: 1 });
  expect(first).toMatchObject({ users: 1, resident: 4, next: 2 });
  const second = driftPage(shard, { ...ASK, step: 2, limit: 1, from: 2 });
  expect(second.users).toBe(1);
  expect(second.next).toBeUndefined();
});

test("features are counted of those who are authenticated", () => {
  const edges = aShard().features.features.map(() => [0]);
  const { counts } = driftPage(aShardOfFour(), { ...ASK, edges });
  for (const row of counts) expect(row.reduce((sum, count) => sum + count, 0)).toBe(2);
});
