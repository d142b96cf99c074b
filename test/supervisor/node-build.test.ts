import { expect, test } from "vitest";
import { memoryKeyValue } from "../../src/adapters/memory-key-value.ts";
import { nodeBuild } from "../../src/node-build.ts";
import { encodeRecord, type NodeRecord, nodeKey } from "../../src/supervisor/cluster-records.ts";
import { incompatibility, type NodeBuild } from "../../src/supervisor/node-build.ts";
import { refuseIncompatible } from "../../src/supervisor/refuse-incompatible.ts";

const NOW: NodeBuild = build({ writes: 1, reads: [1, 2] });

test("builds go together if each reads what the other writes", () => {
  expect(incompatibility(NOW, NOW)).toBeUndefined();
  expect(incompatibility(NOW, build({ writes: 2, reads: [1, 2] }))).toBeUndefined();
  expect(incompatibility(NOW, build({ writes: 2, reads: [2, 2] }))).toContain("this build writes log 1");
  expect(incompatibility(NOW, build({ writes: 3, reads: [1, 3] }))).toContain("it writes log 3");
});

test("a format that only one of them knows does not count", () => {
  const more = { ...NOW, formats: { ...NOW.formats, traces: { writes: 1, reads: [1, 1] } } } as NodeBuild;
  expect([incompatibility(NOW, more), incompatibility(more, NOW)]).toEqual([undefined, undefined]);
});

test("what follows from the log must be the same", () => {
  expect(incompatibility(NOW, { ...NOW, same: { contexts: "g-5" } })).toContain("contexts");
});

test("this build goes together with itself", () => {
  expect(incompatibility(nodeBuild("1.0.0"), nodeBuild("2.0.0"))).toBeUndefined();
});

test("a node stays out of a cluster where a live node could not work with it, and tells which", async () => {
  const { table, beat } = await aTable(build({ writes: 3, reads: [3, 3] }));
  const mine = { name: "b", build: NOW };
  await expect(refuseIncompatible(table, mine, beat)).rejects.toMatchObject({
    code: "INCOMPATIBLE_NODE",
    detail: { node: "a" },
  });
});

test("what a node that is gone has left, or one of the same name, or from before builds were told, keeps nobody out", async () => {
  const other = build({ writes: 3, reads: [3, 3] });
  const { table } = await aTable(other);
  await refuseIncompatible(table, { name: "b", build: NOW }, async () => {});
  const alive = await aTable(other);
  await refuseIncompatible(alive.table, { name: "a", build: NOW }, alive.beat);
  const before = await aTable(undefined);
  await refuseIncompatible(before.table, { name: "b", build: NOW }, before.beat);
});

function build(log: NodeBuild["formats"][string]): NodeBuild {
  return { version: "1.0.0", formats: { log }, same: { contexts: "f-5" } };
}

/** The table of a cluster with a node `a`; `beat` renews its record. */
async function aTable(of: NodeBuild | undefined) {
  const table = memoryKeyValue();
  const record: NodeRecord = {
    name: "a",
    incarnation: "1",
    roles: ["shards"],
    weight: 1,
    leaving: false,
    beat: 0,
    epochSeen: 0,
    ...(of === undefined ? {} : { build: of }),
  };
  let revision = (await table.swap(nodeKey("a"), encodeRecord(record), 0)) ?? 0;
  const beat = async (): Promise<void> => {
    revision = (await table.swap(nodeKey("a"), encodeRecord({ ...record, beat: 1 }), revision)) ?? 0;
  };
  return { table, beat };
}
