import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type DriftEntry,
  driftAlerts,
  type MapDrift,
  populationStability,
  stabilityOfCounts,
} from "../../src/resonance/drift.ts";

const DAY_MS = 86_400_000;

test("the stability index of METHODS 6.5: (.5, .5) against (.6, .4) is .0405465108", () => {
  expect(populationStability([0.5, 0.5], [0.6, 0.4])).toBeCloseTo(0.0405465108, 10);
  expect(stabilityOfCounts([5_000_000, 5_000_000], [6_000_000, 4_000_000])).toBeCloseTo(0.0405465108, 6);
});

test("the index is 0 for the same shares, symmetric, never negative, and finite with empty bins", () => {
  const counts = fc.array(fc.nat({ max: 1_000 }), { minLength: 2, maxLength: 10 });
  fc.assert(
    fc.property(counts, counts, (a, b) => {
      const [x, y] = [a.slice(0, Math.min(a.length, b.length)), b.slice(0, Math.min(a.length, b.length))];
      expect(stabilityOfCounts(x, x)).toBe(0);
      const there = stabilityOfCounts(x, y);
      expect(there).toBeGreaterThanOrEqual(0);
      expect(Number.isFinite(there)).toBe(true);
      expect(stabilityOfCounts(y, x)).toBeCloseTo(there, 9);
    }),
  );
});

test("a release that stays as it was raises no alert", () => {
  expect(driftAlerts([])).toEqual([]);
  expect(driftAlerts([anEntry(0), anEntry(1), anEntry(9)])).toEqual([]);
});

test("a log-loss more than 5 % above the first is told once it has lasted three days without a break", () => {
  const worse = { nll: 0.53 };
  expect(driftAlerts([anEntry(0), anEntry(1, worse), anEntry(3, worse)])).toEqual([]);
  expect(driftAlerts([anEntry(0), anEntry(1, worse), anEntry(4, worse)])).toMatchObject([
    { kind: "nll", of: "life", value: 0.53, limit: 0.525 },
  ]);
  expect(driftAlerts([anEntry(0), anEntry(1, worse), anEntry(2), anEntry(4, worse)])).toEqual([]);
  expect(driftAlerts([anEntry(0), anEntry(1, { nll: 0.52 }), anEntry(9, { nll: 0.52 })])).toEqual([]);
});

test("each encoder is compared with its own first measurement", () => {
  const other = (day: number): DriftEntry => ({ ...anEntry(day, { nll: 0.9 }), encoder: "e2" });
  expect(driftAlerts([anEntry(0), anEntry(3), other(4), other(8)])).toEqual([]);
});

test("a calibration error above .05 is told, unless chance makes as large a one", () => {
  expect(driftAlerts([anEntry(0, { ece: 0.051, eceByChance: 0.01 })])).toMatchObject([{ kind: "ece" }]);
  expect(driftAlerts([anEntry(0, { ece: 0.051, eceByChance: 0.03 })])).toEqual([]);
  expect(driftAlerts([anEntry(0, { ece: 0.2, eceByChance: 0.01, members: 199 })])).toEqual([]);
});

test("a share of none that has doubled is told, but not one that was next to nothing", () => {
  const alerts = driftAlerts([anEntry(0, { none: 0.1 }), anEntry(1, { none: 0.21 })]);
  expect(alerts).toMatchObject([{ kind: "none", of: "life", value: 0.21, limit: 0.2 }]);
  expect(driftAlerts([anEntry(0, { none: 0.1 }), anEntry(1, { none: 0.2 })])).toEqual([]);
  expect(driftAlerts([anEntry(0, { none: 0.001 }), anEntry(1, { none: 0.015 })])).toEqual([]);
});

test("a feature whose index is above .2 is told, if enough users were read", () => {
  const psi = [
    { feature: "activity.rate", psi: 0.21 },
    { feature: "mood.mean", psi: 0.19 },
  ];
  expect(driftAlerts([{ ...anEntry(0), psi }])).toMatchObject([{ kind: "psi", of: "activity.rate" }]);
  expect(driftAlerts([{ ...anEntry(0), psi, featureUsers: 100 }])).toEqual([]);
});

function anEntry(day: number, given: Partial<MapDrift> = {}): DriftEntry {
  const life = { members: 500, nll: 0.5, ece: 0.01, eceByChance: 0.01, none: 0.1, ...given };
  return { atMs: day * DAY_MS, encoder: "e1", users: 900, featureUsers: 500, maps: { life }, psi: [] };
}
