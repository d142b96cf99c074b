import fc from "fast-check";
import { expect, test } from "vitest";
import {
  confidenceSequence,
  intersect,
  mixtureScale,
  sequentialPValue,
} from "../../src/experiments/confidence-sequence.ts";
import { expectWithin } from "../kernel/relative.ts";
import { mixtureSprt } from "./mixture-sprt.ts";

const planned = (plannedUnits: number) => ({ alpha: 0.05, plannedUnits });

test("the scale, the interval and the p-value are those of METHODS 4.4", () => {
  expectWithin(mixtureScale(planned(1_000)), 0.08908509753, 1e-9);
  expectWithin(mixtureScale(planned(5_000)), 0.03984006677, 1e-9);
  const estimate = { value: 0.02, standardError: 0.008 };
  const { lower, upper } = confidenceSequence(estimate, 10_000, planned(5_000));
  expectWithin((upper - lower) / 2, 0.02449181775, 1e-9);
  expectWithin((upper + lower) / 2, 0.02, 1e-9);
  expectWithin(sequentialPValue(estimate, 10_000, planned(5_000)), 0.2171974577, 1e-9);
});

test("the intervals are those published with gbstats", () => {
  const lift = (a: [number, number, number], b: [number, number, number]) => {
    const [one, other] = [a, b].map(([sum, squares, n]) => ({
      mean: sum / n,
      variance: (squares - sum ** 2 / n) / (n - 1) / n,
    })) as [{ mean: number; variance: number }, { mean: number; variance: number }];
    const variance = other.variance / one.mean ** 2 + (one.variance * other.mean ** 2) / one.mean ** 4;
    return { value: other.mean / one.mean - 1, standardError: Math.sqrt(variance) };
  };
  const revenue = lift([1_396.87, 52_377.9767, 3_000], [2_422.7, 134_698.29, 3_461]);
  const wide = confidenceSequence(revenue, 6_461, planned(1_000));
  expect([wide.lower, wide.upper].map((end) => end.toFixed(5))).toEqual(["-0.55844", "1.56516"]);
  expect(sequentialPValue(revenue, 6_461, planned(1_000))).toBe(1);
  const proportions = lift([1_396, 1_396, 3_000], [2_422, 2_422, 3_461]);
  const narrow = confidenceSequence(proportions, 6_461, planned(5_000));
  expect(narrow.lower).toBeCloseTo(0.40098, 4);
  expect(narrow.upper).toBeCloseTo(0.60675, 4);
});

test("the sequential test that it is compared with has the e-value of METHODS 4.4", () => {
  expectWithin(mixtureSprt({ value: 0.02, standardError: 0.008 }, 0.01), 4.199628767, 1e-9);
});

test("the p-value is below alpha just where the interval leaves 0 out", () => {
  const holds = (z: number, units: number, plannedUnits: number): void => {
    const estimate = { value: z * 0.01, standardError: 0.01 };
    const { lower, upper } = confidenceSequence(estimate, units, planned(plannedUnits));
    const p = sequentialPValue(estimate, units, planned(plannedUnits));
    if (Math.abs(p - 0.05) < 1e-6) return;
    expect(lower > 0 || upper < 0).toBe(p < 0.05);
  };
  const z = fc.double({ min: -8, max: 8, noNaN: true });
  fc.assert(fc.property(z, fc.integer({ min: 10, max: 1e6 }), fc.integer({ min: 400, max: 1e6 }), holds));
});

test("against an interval for one look it pays least at the planned number of units", () => {
  const price = (units: number): number => {
    const { upper } = confidenceSequence({ value: 0, standardError: 1 }, units, planned(5_000));
    return upper;
  };
  for (const units of [500, 2_000, 20_000, 100_000]) expect(price(units)).toBeGreaterThan(price(5_000));
});

test("an intersection lies within both", () => {
  expect(intersect({ lower: -1, upper: 2 }, { lower: 0, upper: 5 })).toEqual({ lower: 0, upper: 2 });
});
