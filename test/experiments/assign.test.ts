import fc from "fast-check";
import { expect, test } from "vitest";
import { assign, bucketRanges } from "../../src/experiments/assign.ts";
import { hashUnit } from "../../src/experiments/hash-unit.ts";
import { sampleRatioPValue } from "../../src/experiments/sample-ratio.ts";
import { anExperiment } from "./an-experiment.ts";

const someUnits = Array.from({ length: 4_000 }, (_, i) => `user-${i}`);
const hashModes = fc.constantFrom("sha256" as const, "growthbook-v2" as const);

// Published with GrowthBook's SDK (packages/sdk-js/test/cases.json).
test.for([
  [
    [0.5, 0.5],
    1,
    [
      [0, 0.5],
      [0.5, 1],
    ],
  ],
  [
    [0.5, 0.5],
    0.5,
    [
      [0, 0.25],
      [0.5, 0.75],
    ],
  ],
  [
    [0.5, 0.5],
    0,
    [
      [0, 0],
      [0.5, 0.5],
    ],
  ],
  [
    [0.25, 0.25, 0.25, 0.25],
    1,
    [
      [0, 0.25],
      [0.25, 0.5],
      [0.5, 0.75],
      [0.75, 1],
    ],
  ],
] as [number[], number, [number, number][]][])(
  "ranges of weights %j with traffic %f",
  ([weights, traffic, expected]) => {
    expect(bucketRanges(weights, traffic)).toEqual(expected);
  },
);

test("a unit is in the arm whose range its number falls into, the same every time", () => {
  const experiment = anExperiment({ traffic: 0.5 });
  for (const unit of someUnits.slice(0, 200)) {
    const bucket = hashUnit("sha256", experiment.seed, unit);
    const expected = bucket < 0.25 ? 0 : bucket >= 0.5 && bucket < 0.75 ? 1 : undefined;
    const got = assign(experiment, unit);
    expect(got).toEqual(
      expected === undefined
        ? { kind: "left-out", because: "traffic" }
        : { kind: "arm", arm: expected, bucket },
    );
    expect(assign(experiment, unit)).toEqual(got);
  }
});

test("arms get their shares", () => {
  const arms = [0.2, 0.3, 0.5].map((weight, i) => ({ name: `arm${i}`, weight, policy: "mixture" }));
  const counts = [0, 0, 0];
  for (const unit of someUnits) {
    const got = assign(anExperiment({ arms }), unit);
    if (got.kind === "arm") counts[got.arm]! += 1;
  }
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(someUnits.length);
  expect(sampleRatioPValue(counts, [0.2, 0.3, 0.5])).toBeGreaterThan(0.001);
});

test("more traffic moves no unit that takes part already", () => {
  const share = fc.double({ min: 0.01, max: 1, noNaN: true });
  const holds = (hash: "sha256" | "growthbook-v2", one: number, other: number, unit: string): void => {
    const [less, more] = [Math.min(one, other), Math.max(one, other)];
    const before = assign(anExperiment({ hash, traffic: less }), unit);
    if (before.kind === "arm") expect(assign(anExperiment({ hash, traffic: more }), unit)).toEqual(before);
  };
  fc.assert(fc.property(hashModes, share, share, fc.uuid(), holds));
});

test("experiments of one namespace whose ranges do not overlap never share a unit, and all units have a place", () => {
  for (const hash of ["sha256", "growthbook-v2", "growthbook-v1"] as const) {
    const one = anExperiment({ hash, seed: "one", namespace: { name: "home", from: 0, to: 0.4 } });
    const other = anExperiment({ hash, seed: "other", namespace: { name: "home", from: 0.4, to: 1 } });
    const inOne = someUnits.filter((unit) => assign(one, unit).kind === "arm");
    const inOther = someUnits.filter((unit) => assign(other, unit).kind === "arm");
    expect(inOne.filter((unit) => inOther.includes(unit))).toEqual([]);
    expect(inOne.length + inOther.length).toBe(someUnits.length);
    expect(sampleRatioPValue([inOne.length, inOther.length], [0.4, 0.6])).toBeGreaterThan(0.001);
  }
});

test("a namespace's numbers are other than an experiment's: each arm gets its share inside of it", () => {
  const experiment = anExperiment({ namespace: { name: "home", from: 0, to: 0.5 } });
  const arms = someUnits.flatMap((unit) => {
    const got = assign(experiment, unit);
    return got.kind === "arm" ? [got.arm] : [];
  });
  const second = arms.filter((arm) => arm === 1).length;
  expect(sampleRatioPValue([arms.length - second, second], [0.5, 0.5])).toBeGreaterThan(0.001);
});

test("a unit that is held out is so in every experiment with this holdout, whatever the namespace", () => {
  const holdout = { name: "2026", share: 0.1 };
  const one = anExperiment({ seed: "one", holdout });
  const other = anExperiment({ seed: "other", holdout, namespace: { name: "home", from: 0, to: 0.01 } });
  const heldOut = someUnits.filter((unit) => {
    const got = assign(one, unit);
    return got.kind === "left-out" && got.because === "holdout";
  });
  expect(sampleRatioPValue([heldOut.length, someUnits.length - heldOut.length], [0.1, 0.9])).toBeGreaterThan(
    0.001,
  );
  for (const unit of heldOut) expect(assign(other, unit)).toEqual({ kind: "left-out", because: "holdout" });
});
