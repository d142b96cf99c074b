import { expect, test } from "vitest";
import {
  formatBytes,
  formatCount,
  formatLatency,
  formatMoment,
  formatPercent,
  formatSpan,
} from "../../../src/cli/view/format-number.ts";

test("counts have commas between thousands", () => {
  expect([0, 999, 1_000, 1_234_567.8, -1_500].map(formatCount)).toEqual([
    "0",
    "999",
    "1,000",
    "1,234,568",
    "-1,500",
  ]);
});

test("latencies have three figures and the unit that fits", () => {
  const given = [0.0042, 0.8, 0.9999, 1, 9.999, 42.17, 312, 999.7, 12_345, null, Number.NaN];
  expect(given.map(formatLatency)).toEqual([
    "4 µs",
    "800 µs",
    "1.00 ms",
    "1.00 ms",
    "10.0 ms",
    "42.2 ms",
    "312 ms",
    "1.00 s",
    "12.3 s",
    "–",
    "–",
  ]);
});

test("spans are minutes and seconds, with hours where there are any", () => {
  expect([0, 59_499, 59_500, 3_599_000, 3_600_000, 90_061_000].map(formatSpan)).toEqual([
    "0:00",
    "0:59",
    "1:00",
    "59:59",
    "1:00:00",
    "25:01:01",
  ]);
});

test("sizes have decimal units", () => {
  expect([0, 999, 1_000, 1_048_576, 37_992_534].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1.00 kB",
    "1.05 MB",
    "38.0 MB",
  ]);
});

test("shares are whole per cent, moments are UTC to the minute", () => {
  expect([0, 0.005, 0.704, 1, null].map(formatPercent)).toEqual(["0%", "1%", "70%", "100%", "–"]);
  expect(formatMoment(Date.UTC(2026, 0, 5, 13, 7, 59))).toBe("2026-01-05 13:07");
});
