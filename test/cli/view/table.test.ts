import fc from "fast-check";
import { expect, test } from "vitest";
import { cellWidth } from "../../../src/cli/view/cell-width.ts";
import { renderTable, type TableColumn } from "../../../src/cli/view/table.ts";

const TITLES: readonly TableColumn[] = [
  { title: "shard" },
  { title: "lag", align: "right" },
  { title: "node" },
];

test("columns are aligned, numbers to the right", () => {
  const rows = [
    ["0", "12", "node-a"],
    ["11", "1,204", "b"],
  ];
  expect(renderTable(TITLES, rows, 80)).toEqual([
    "shard    lag  node", //
    "0         12  node-a",
    "11     1,204  b",
  ]);
});

test("a table that is too wide shortens its widest column", () => {
  expect(renderTable(TITLES, [["0", "12", "a-node-with-a-long-name"]], 24)).toEqual([
    "shard  lag  node",
    "0       12  a-node-with…",
  ]);
});

test("wide characters count as two cells, and missing cells are blank", () => {
  expect(renderTable(TITLES, [["新しい", "1", "x"], ["a"]], 80)).toEqual([
    "shard   lag  node",
    "新しい    1  x",
    "a",
  ]);
});

test("no table is wider than asked, nor broken by what is in it", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 30 });
  const rows = fc.array(fc.array(text, { maxLength: 5 }), { maxLength: 5 });
  const holds = (given: string[][], columns: number) => {
    const lines = renderTable(TITLES, given, columns);
    expect(lines).toHaveLength(given.length + 1);
    for (const line of lines) {
      expect(cellWidth(line)).toBeLessThanOrEqual(columns);
      expect(line).not.toMatch(/\p{Cc}/u);
    }
  };
  fc.assert(fc.property(rows, fc.integer({ min: 1, max: 120 }), holds));
});
