import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type ArmSums,
  addUnit,
  emptySums,
  mergeSums,
  momentsOf,
  moveUnit,
  onGrid,
  unitsOf,
} from "../../src/experiments/arm-sums.ts";

const value = fc.double({ min: -300, max: 2_000, noNaN: true }).map(onGrid);
const unit = fc.record({ x: value, y: value, d: fc.nat(50) });
const units = fc.array(unit, { maxLength: 40 });
type Unit = Readonly<{ x: number; y: number; d: number }>;

const NONE = { y: 0, d: 0 };

function sumsOf(all: readonly Unit[]): ArmSums {
  const sums = emptySums(1);
  for (const { x, y, d } of all) {
    addUnit(sums, x);
    moveUnit(sums, 0, x, NONE, { y, d });
  }
  return sums;
}

test("sums added up in any order and grouping are the same to the last bit", () => {
  const holds = (a: Unit[], b: Unit[], c: Unit[]): void => {
    const whole = sumsOf([...a, ...b, ...c]);
    const grouped = sumsOf(c);
    const middle = sumsOf(b);
    mergeSums(middle, sumsOf(a.toReversed()));
    mergeSums(grouped, middle);
    expect(grouped).toEqual(whole);
  };
  fc.assert(fc.property(units, units, units, holds));
});

test("a unit whose value has grown step by step counts as if it had come with the last one", () => {
  const holds = (x: number, steps: { y: number; d: number }[]): void => {
    const sums = emptySums(2);
    addUnit(sums, x);
    let before = NONE;
    for (const after of steps) {
      moveUnit(sums, 1, x, before, after);
      before = after;
    }
    const once = emptySums(2);
    addUnit(once, x);
    moveUnit(once, 1, x, NONE, before);
    // Not `toEqual`: what was taken back is 0 or -0.
    for (const [i, sum] of once.entries()) expect(sums[i]! === sum).toBe(true);
  };
  fc.assert(fc.property(value, fc.array(fc.record({ y: value, d: fc.nat(50) }), { maxLength: 10 }), holds));
});

test("each sum is what its name says", () => {
  const sums = sumsOf([
    { x: 1, y: 2, d: 4 },
    { x: 3, y: 0, d: 5 },
  ]);
  expect(unitsOf(sums)).toBe(2);
  expect(momentsOf(sums, 0)).toEqual({
    units: 2,
    nonzero: 1,
    x: 4,
    xx: 10,
    y: 2,
    yy: 4,
    d: 9,
    dd: 41,
    yd: 8,
    xy: 2,
    xd: 19,
  });
});

test("a value is brought onto the grid, and is bounded", () => {
  expect([1.001, -0.126, 1e9, -1e9, 0.001].map(onGrid)).toEqual([1, -0.125, 2 ** 18, -(2 ** 18), 0]);
});

test("sums of other metrics are not added up", () => {
  expect(() => mergeSums(emptySums(1), emptySums(2))).toThrow("of the same metrics");
  expect(() => moveUnit(emptySums(1), 1, 0, NONE, NONE)).toThrow("room for the metric");
});
