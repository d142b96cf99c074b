import { expect, test } from "vitest";
import { bar, sparkline } from "../../../src/cli/view/bars.ts";

test("a bar is as long as its share, to an eighth of a cell", () => {
  expect([0, 0.0625, 0.5, 0.78125, 1].map((share) => bar(share, 4))).toEqual(["", "▎", "██", "███▏", "████"]);
});

test("a share out of range or not a number draws no further than the ends", () => {
  expect([-1, 2, Number.NaN].map((share) => bar(share, 2))).toEqual(["", "██", ""]);
});

test("a sparkline is scaled to its largest value and shows the newest", () => {
  expect(sparkline([9, 0, 1, 2, 4, 8], 5)).toBe("▁▁▂▄█");
  expect(sparkline([0, 0], 5)).toBe("▁▁");
  expect(sparkline([], 5)).toBe("");
  expect(sparkline([1, Number.NaN, 1], 5)).toBe("█ █");
  expect(sparkline([1, 2], 0)).toBe("");
});
