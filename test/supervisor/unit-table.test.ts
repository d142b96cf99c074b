import { expect, test } from "vitest";
import { memoryKeyValue } from "../../src/adapters/memory-key-value.ts";
import { encodeRecord, type UnitRecord, unitKey } from "../../src/supervisor/cluster-records.ts";
import { ClusterView } from "../../src/supervisor/cluster-view.ts";
import { UnitTable } from "../../src/supervisor/unit-table.ts";

const RECORD: UnitRecord = { owner: null, epoch: 7, serving: false, next: null, standbys: [], ready: {} };

test("a record that another node has changed is changed as it is now", async () => {
  const { table, units } = await aTable();
  await table.swap(unitKey("shard-0"), encodeRecord({ ...RECORD, epoch: 8 }), 1);
  const seen: (number | undefined)[] = [];
  const isWritten = await units.amend("shard-0", (record) => {
    seen.push(record?.epoch);
    return { ...RECORD, epoch: (record?.epoch ?? 0) + 1 };
  });
  expect({ isWritten, seen }).toEqual({ isWritten: true, seen: [7, 8] });
});

test("a record that was lost with its table is not made again without a new generation of epochs", async () => {
  const { table, units, view } = await aTable();
  await table.remove(unitKey("shard-0"), 1);
  expect(await units.amend("shard-0", (record) => ({ ...RECORD, epoch: (record?.epoch ?? 0) + 1 }))).toBe(
    false,
  );
  expect(await table.get(unitKey("shard-0"))).toBeUndefined();
  expect(view.units.has("shard-0")).toBe(false);
});

/** A table with one record, and a view that knows it. */
async function aTable() {
  const table = memoryKeyValue();
  const view = new ClusterView();
  const value = encodeRecord(RECORD);
  const revision = await table.swap(unitKey("shard-0"), value, 0);
  view.apply({ key: unitKey("shard-0"), value, revision: revision ?? 0 }, 0);
  return { table, view, units: new UnitTable(table, view) };
}
