import { expect, test } from "vitest";
import { ELSEWHERE, PermanentCells } from "../../../src/privacy/location/permanent-cells.ts";
import { directRates, estimateCount } from "../../../src/privacy/location/randomised-response.ts";

const KEY = new Uint8Array(32).fill(7);
/** Munich, Berlin (a larger cell), and far away. */
const MUNICH = { lat: 48.14, lon: 11.58 };
const BERLIN = { lat: 52.52, lon: 13.4 };
const TOKYO = { lat: 35.68, lon: 139.69 };
const CELLS = ["u281", "u33", "u0m"];

test("a user's report of one place is always the same, on every node, and another place's is drawn by itself", () => {
  const here = new PermanentCells({ epsilon: 1, cells: CELLS }, KEY);
  const there = new PermanentCells({ epsilon: 1, cells: CELLS.toReversed() }, KEY);
  const reports = Array.from({ length: 500 }, (_, i) => here.cellOf(`user-${i}`, MUNICH));
  expect(reports.every((cell, i) => cell === there.cellOf(`user-${i}`, MUNICH))).toBe(true);
  const truths = reports.map((cell) => cell === "u281");
  const inBerlin = reports.map((_, i) => here.cellOf(`user-${i}`, BERLIN) === "u33");
  const both = truths.filter((isTrue, i) => isTrue && inBerlin[i]).length / 500;
  const { p } = directRates(4, 1);
  expect(Math.abs(both - p * p)).toBeLessThan(0.08);
});

test("who does not hold the key can't tell what was drawn, nor under which policy", () => {
  const cellsOf = (key: Uint8Array, epsilon = 1) => {
    const cells = new PermanentCells({ epsilon, cells: CELLS }, key);
    return Array.from({ length: 100 }, (_, i) => cells.cellOf(`user-${i}`, MUNICH));
  };
  expect(cellsOf(KEY)).not.toEqual(cellsOf(new Uint8Array(32).fill(8)));
  expect(cellsOf(KEY)).not.toEqual(cellsOf(KEY, 1.0001));
});

test("all of a policy's cells and elsewhere are reported, at the rates of the response", () => {
  const cells = new PermanentCells({ epsilon: 2, cells: CELLS }, KEY);
  const users = 20_000;
  for (const [place, truth] of [
    [MUNICH, "u281"],
    [BERLIN, "u33"],
    [TOKYO, ELSEWHERE],
  ] as const) {
    const counts = new Map<string, number>();
    for (let i = 0; i < users; i++) {
      const cell = cells.cellOf(`user-${i}`, place);
      counts.set(cell, (counts.get(cell) ?? 0) + 1);
    }
    const rates = directRates(4, 2);
    expect([...counts.keys()].sort()).toEqual([ELSEWHERE, ...CELLS].sort());
    for (const cell of counts.keys()) {
      const estimate = estimateCount(users, counts.get(cell) ?? 0, rates) / users;
      expect(Math.abs(estimate - (cell === truth ? 1 : 0))).toBeLessThan(0.03);
    }
  }
});
