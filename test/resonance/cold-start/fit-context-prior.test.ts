import { expect, test } from "vitest";
import { arrivalOf } from "../../../src/features/arrival.ts";
import type { ContextPrior } from "../../../src/resonance/cold-start/context-prior.ts";
import { ContextTable } from "../../../src/resonance/cold-start/context-table.ts";
import { fitContextPrior } from "../../../src/resonance/cold-start/fit-context-prior.ts";
import { aCalibration, aMap, arrivedWorld, SEGMENTS } from "./arrived-world.ts";

function fit(given: Parameters<typeof arrivedWorld>[0]): ContextPrior | undefined {
  const { members, heldOut } = arrivedWorld(given);
  return fitContextPrior(aMap(given.mode), aCalibration(), heldOut, members);
}

test("a field that tells something is looked at, and one that tells nothing is not", () => {
  expect(fit({ users: 3_000 })?.levels.map(({ field }) => field)).toEqual(["referrer"]);
});

test("contexts that tell nothing give no prior", () => {
  for (const seed of [1, 2, 3, 4, 5]) expect(fit({ users: 3_000, own: 1 / 3, seed })).toBeUndefined();
});

test("before any event the context counts in full, and the gain is what the world gives", () => {
  const prior = fit({ users: 6_000 });
  expect(prior?.weights[0]).toBeGreaterThan(0.9);
  // Mutual information of segment and referrer, in nats.
  const joint = [0.5, 0.3, 0.2].map((p, k) => [0, 1, 2].map((r) => p * (r === k ? 0.6 : 0.2)));
  const ofReferrer = [0, 1, 2].map((r) => joint.reduce((sum, row) => sum + row[r]!, 0));
  const information = joint.flatMap((row, k) =>
    row.map((p, r) => p * Math.log(p / ([0.5, 0.3, 0.2][k]! * ofReferrer[r]!))),
  );
  const expected = information.reduce((sum, part) => sum + part, 0);
  const { without, logLoss, members } = prior!.gain;
  expect(members).toBe(6_000);
  expect(without - logLoss).toBeGreaterThan(0.8 * expected);
  expect(without - logLoss).toBeLessThan(1.2 * expected);
});

test("the weight never rises with the length of history, and stays in [0, 1]", () => {
  for (const seed of [1, 2, 3]) {
    const weights = fit({ users: 3_000, seed })!.weights;
    expect(weights).toHaveLength(6);
    for (const [i, weight] of weights.entries()) {
      expect(weight).toBeGreaterThanOrEqual(0);
      expect(weight).toBeLessThanOrEqual(i === 0 ? 1 : weights[i - 1]!);
    }
  }
});

test("behaviour that already says what the referrer said leaves it no weight", () => {
  const { members, heldOut } = arrivedWorld({ users: 3_000 });
  // A calibration that is as sure as can be of each member's own segment.
  const K = SEGMENTS.length;
  const similarities = Float64Array.from(heldOut.similarities, (_, i) =>
    i % K === heldOut.labels[Math.floor(i / K)] ? 1 : -1,
  );
  const prior = fitContextPrior(aMap(), aCalibration(), { ...heldOut, similarities }, members);
  expect(prior?.weights[0]).toBeGreaterThan(0.9);
  expect(prior?.weights.at(-1)).toBe(0);
});

test("in an independent map it moves the log odds of each base rate", () => {
  const prior = fit({ users: 3_000, mode: "independent" })!;
  const table = new ContextTable(prior, "independent", SEGMENTS.length);
  const offsets = new Float64Array(SEGMENTS.length + 1);
  expect(table.addInto(arrivalOf({ referrer: "r0", browser: "b1" })!, 1, offsets)).toBe(true);
  expect(offsets[0]).toBeGreaterThan(0.5);
  expect(offsets[1]).toBeLessThan(0);
  expect(offsets[3]).toBe(0);
});

test("fewer than fifty members teach nothing", () => {
  expect(fit({ users: 49 })).toBeUndefined();
});

test("where nobody is without a segment, a context does not speak of none", () => {
  const prior = fit({ users: 3_000 })!;
  const table = new ContextTable(prior, "exclusive", SEGMENTS.length);
  const offsets = new Float64Array(SEGMENTS.length + 1);
  table.addInto(arrivalOf({ referrer: "r1" })!, prior.weights[0]!, offsets);
  expect(offsets[3]).toBe(0);
  expect(Math.max(...offsets)).toBe(offsets[1]);
});

test("the same members give the same prior, to the last bit", () => {
  expect(JSON.stringify(fit({ users: 1_000 }))).toBe(JSON.stringify(fit({ users: 1_000 })));
});

test("the weight is that of the bin; half an event that decay has left is one, and less is none", () => {
  const table = new ContextTable(
    { levels: [], weights: [1, 0.5, 0.25], gain: { members: 0, logLoss: 0, without: 0 } },
    "exclusive",
    3,
  );
  expect(table.weightAt(0, 0)).toBe(1);
  expect(table.weightAt(0, 0.4)).toBe(1);
  expect(table.weightAt(0, 0.5)).toBe(0.5);
  expect(table.weightAt(1, 4)).toBe(0.25);
  expect(table.weightAt(7, 400)).toBe(0);
});
