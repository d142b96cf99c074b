import { expect, test } from "vitest";
import { roundPlot } from "../../../src/cli/view/round-plot.ts";

test("lines are named where they end, and the axis spans what is drawn", () => {
  const lines = roundPlot(
    [
      { name: "up", values: [0.1, 0.15, 0.2] },
      { name: "down", values: [0.2, 0.15, 0.1], style: "dots" },
    ],
    80,
  );
  expect(lines[0]).toMatch(/^20\.0 % ┤.* up$/);
  expect(lines[11]).toMatch(/^10\.0 % ┤.* down$/);
  expect(lines[12]).toMatch(/^ {8}1 +3 round$/);
  for (const line of lines) expect([...line].length).toBeLessThanOrEqual(80);
});

test("a single round, and values that are all the same, are drawn too", () => {
  expect(roundPlot([{ name: "flat", values: [0.1] }], 40).join("\n")).toContain("flat");
});
