import fc from "fast-check";
import { expect, test } from "vitest";
import { linePlot } from "../../../src/cli/view/line-plot.ts";

test("a rising line goes from the lower left to the upper right", () => {
  const line = { x: [0, 1], y: [0, 1], style: "line" } as const;
  expect(linePlot([line], { columns: 4, rows: 2 })).toEqual(["⠀⠀⡠⠊", "⡠⠊⠀⠀"]);
});

test("a mark is a vertical line over all rows", () => {
  for (const row of linePlot([], { columns: 5, rows: 3 }, 0)) expect(row).toBe("⡇⠀⠀⠀⠀");
});

test("whatever is drawn, the drawing has the size that was asked for", () => {
  const share = fc.double();
  const points = fc.array(fc.tuple(share, share), { maxLength: 9 });
  const size = fc.integer({ min: 1, max: 30 });
  fc.assert(
    fc.property(points, size, size, (drawn, columns, rows) => {
      const [x, y] = [drawn.map(([one]) => one), drawn.map(([, other]) => other)];
      const finite = { x: x.map(within), y: y.map(within), style: "line" } as const;
      const lines = linePlot([finite, { ...finite, style: "dots" }], { columns, rows }, 0.5);
      expect(lines).toHaveLength(rows);
      for (const line of lines) expect([...line]).toHaveLength(columns);
    }),
  );
});

function within(value: number): number {
  return Number.isFinite(value) ? Math.max(-2, Math.min(2, value)) : 0;
}
