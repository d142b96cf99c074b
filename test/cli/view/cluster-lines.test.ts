import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { clusterLines } from "../../../src/cli/view/cluster-lines.ts";
import type { StatusReply } from "../../../src/gateway/status.ts";

const node = { roles: ["shards"], weight: 1, leaving: false, silentMs: 100, owns: ["shard-0"], standsBy: [] };
const unit = {
  unit: "shard-0",
  owner: "a",
  epoch: 7,
  serving: true,
  next: null,
  standbys: ["b"],
  ready: ["b"],
};

function lines(nodes: unknown[], units: unknown[]): string[] {
  const reply = { cluster: { nodes, units }, lag: 1_234, shards: [{ shard: 0, lag: 1_234 }] };
  return clusterLines(reply as unknown as StatusReply, 100).map((line) =>
    stripVTControlCharacters(line).replace(/\s+/g, " ").trim(),
  );
}

test("a cluster that is well says so, a line a node and a unit", () => {
  const shown = lines([{ ...node, name: "a" }], [unit]);
  expect(shown[0]).toBe("1 nodes · 1 units · lag 1,234");
  expect(shown).toContain("a shards 1 1 0 well");
  expect(shown).toContain("shard-0 a 7 1,234 b serving");
});

test("what is not well stands out: silence, leaving, moves, standbys behind, nobody answering", () => {
  const shown = lines(
    [
      { ...node, name: "a", silentMs: 1_900 },
      { ...node, name: "b", leaving: true },
    ],
    [
      { ...unit, owner: null, serving: false, ready: [] },
      { ...unit, unit: "shard-1", next: "b" },
    ],
  );
  expect(shown[0]).toBe(
    "2 nodes · 2 units · 1 not answered · 1 moving · 1 with a standby behind · lag 1,234",
  );
  expect(shown).toContain("a shards 1 1 0 silent for 1.9 s");
  expect(shown).toContain("b shards 1 1 0 leaving");
  expect(shown).toContain("shard-0 nobody 7 1,234 b (behind) not answered");
  expect(shown).toContain("shard-1 a 7 – b moving to b");
});
