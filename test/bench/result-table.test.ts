import { expect, test } from "vitest";
import { figure, resultTable } from "../../bench/harness/result-table.ts";
import { measurementOf } from "../../bench/harness/spread.ts";

const folded = measurementOf({
  scenario: "drain",
  metric: "folded",
  unit: "events/s",
  rounds: [118_000, 120_000, 131_000],
  ceiling: { name: "bare consume", rounds: [240_000] },
  goal: { ratio: { atLeast: 0.5 } },
});

test("a row shows median, spread, ceiling, ratio and goal", () => {
  const [titles, row] = resultTable({ results: [folded], skipped: [] }, 200);
  expect(titles).toMatch(/scenario\s+what\s+median\s+unit\s+spread\s+ceiling\s+ratio\s+goal/);
  expect(row).toMatch(
    /drain\s+folded\s+120,000\s+events\/s\s+118,000\.\.131,000\s+240,000\s+0\.50\s+reached \(>= 0\.5 x\)/,
  );
});

test("below the rows, it says what each ceiling is, once, and what was skipped and why", () => {
  const skipped = [{ scenario: "start", reason: "no nodes of its own" }];
  const lines = resultTable({ results: [folded, folded], skipped }, 200);
  expect(lines.filter((line) => line === "drain: ceiling is bare consume")).toHaveLength(1);
  expect(lines).toContain("skipped start: no nodes of its own");
});

test("no line is wider than the terminal", () => {
  const [titles, row] = resultTable({ results: [folded], skipped: [] }, 60);
  expect(Math.max(titles?.length ?? 0, row?.length ?? 0)).toBeLessThanOrEqual(60);
});

test("a figure has as many digits as say something", () => {
  expect([120_345.6, 999.4, 2.34567, 0.000123, Number.NaN].map(figure)).toEqual([
    "120,346",
    "999",
    "2.35",
    "0.000123",
    "–",
  ]);
});
