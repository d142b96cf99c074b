import { expect, test } from "vitest";
import { HandOvers } from "../../src/console/hand-overs.ts";

const unit = (name: string, owner: string | null, epoch = 1) => ({ unit: name, owner, epoch });

test("what is seen for the first time is no hand-over, and neither is what stays", () => {
  const seen = new HandOvers(10);
  seen.look([unit("shard-0", "one"), unit("shard-1", "two")], 1);
  seen.look([unit("shard-0", "one", 2), unit("shard-1", "two"), unit("shard-2", "one")], 2);
  expect(seen.newest).toEqual([]);
});

test("each change of an owner is told, the newest first, and nobody is an owner like others", () => {
  const seen = new HandOvers(10);
  seen.look([unit("shard-0", "one", 1)], 1);
  seen.look([unit("shard-0", null, 1)], 2);
  seen.look([unit("shard-0", "two", 5)], 3);
  expect(seen.newest).toEqual([
    { unit: "shard-0", from: null, to: "two", epoch: 5, atMs: 3 },
    { unit: "shard-0", from: "one", to: null, epoch: 1, atMs: 2 },
  ]);
});

test("of too many the oldest are forgotten", () => {
  const seen = new HandOvers(3);
  for (let at = 0; at <= 9; at++) seen.look([unit("shard-0", `node-${at}`)], at);
  expect(seen.newest.map(({ to }) => to)).toEqual(["node-9", "node-8", "node-7"]);
});
