import fc from "fast-check";
import { expect, test } from "vitest";
import { type ArmSums, addUnit, emptySums, moveUnit } from "../../src/experiments/arm-sums.ts";
import type { Experiment } from "../../src/experiments/experiment.ts";
import { buildReport } from "../../src/experiments/report.ts";
import { look, newWatch, type Watch } from "../../src/experiments/watch.ts";
import { anExperiment } from "./an-experiment.ts";

const NOTHING = { y: 0, d: 0 };

/** An arm in which so many units of the first, and so many of the second metric, are 1. */
function armOf(units: number, ...converted: readonly number[]): ArmSums {
  const sums = emptySums(converted.length);
  for (let unit = 0; unit < units; unit++) {
    addUnit(sums, 0);
    for (const [metric, count] of converted.entries())
      moveUnit(sums, metric, 0, NOTHING, { y: Number(unit < count), d: 1 });
  }
  return sums;
}

function watchOf(experiment: Experiment, ...looks: readonly (readonly ArmSums[])[]): Watch {
  return looks.reduce((watch, sums, i) => look(watch, experiment, sums, i * 1_000), newWatch(experiment));
}

test("an arm that is better at a safe guardrail is told to ship", () => {
  const experiment = anExperiment({
    guardrails: [
      { name: "dismiss.count", event: "dismiss", measure: "count", goal: "decrease", harmMax: 0.2 },
    ],
  });
  const sums = [armOf(5_000, 250, 1_000), armOf(5_000, 400, 990)];
  const report = buildReport(experiment, sums, watchOf(experiment, sums));
  expect(report.verdicts).toEqual([{ arm: "resonance", kind: "ship", because: "better-and-safe" }]);
  expect(report.primary.means).toEqual([
    { arm: "control", raw: 0.05, mean: 0.05, converted: 250 },
    { arm: "resonance", raw: 0.08, mean: 0.08, converted: 400 },
  ]);
  expect(report.primary.lifts[0]!.lift).toBeCloseTo(0.6, 12);
  expect(report.primary.lifts[0]!.p).toBeLessThan(0.05);
  expect(report.guardrails[0]!.states).toEqual([{ arm: "resonance", state: "safe" }]);
  expect(report.sampleRatio).toMatchObject({ p: 1, alarm: false });
});

test("before there is enough to look at, nothing is told of the lift, and everything is JSON", () => {
  const experiment = anExperiment();
  const sums = [armOf(150, 20), armOf(150, 30)];
  const report = buildReport(experiment, sums, watchOf(experiment, sums));
  expect(report.looks).toBe(0);
  expect(report.primary.lifts).toEqual([
    {
      arm: "resonance",
      lift: null,
      now: { lower: null, upper: null },
      interval: { lower: null, upper: null },
      p: null,
      bayes: null,
    },
  ]);
  expect(report.verdicts[0]).toMatchObject({ kind: "continue", because: "too-early" });
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
});

test("the interval over time only becomes narrower, and is that of the report in the end", () => {
  const steps = fc.array(fc.tuple(fc.nat(200), fc.nat(200)), { minLength: 1, maxLength: 12 });
  const holds = (added: [number, number][]): void => {
    const experiment = anExperiment();
    let [units, a, b] = [1_000, 60, 60];
    const looks = added.map(([more, other]) => {
      units += 200;
      a += more;
      b += other;
      return [armOf(units, Math.min(a, units)), armOf(units, Math.min(b, units))];
    });
    const report = buildReport(experiment, looks.at(-1)!, watchOf(experiment, ...looks));
    const over = report.overTime.map(({ lifts }) => lifts[0]!);
    for (let i = 1; i < over.length; i++) {
      expect(over[i]!.lower!).toBeGreaterThanOrEqual(over[i - 1]!.lower!);
      expect(over[i]!.upper!).toBeLessThanOrEqual(over[i - 1]!.upper!);
    }
    expect(report.primary.lifts[0]!.interval).toEqual({
      lower: over.at(-1)!.lower,
      upper: over.at(-1)!.upper,
    });
  };
  fc.assert(fc.property(steps, holds), { numRuns: 30 });
});

test("an alarm about the split stays, though the split comes right again", () => {
  const experiment = anExperiment();
  const looks = [
    [armOf(1_000, 100), armOf(1_300, 130)],
    [armOf(3_000, 300), armOf(3_000, 300)],
  ];
  const report = buildReport(experiment, looks[1]!, watchOf(experiment, ...looks));
  expect(report.sampleRatio).toMatchObject({ p: 1, alarm: true });
  expect(report.verdicts[0]).toMatchObject({ kind: "invalid", because: "sample-ratio" });
});

test("more arms share the chance of error", () => {
  const arms = ["control", "resonance", "shuffled"].map((name) => ({ name, weight: 1 / 3, policy: name }));
  const widths = [anExperiment(), anExperiment({ arms })].map((experiment) => {
    const sums = experiment.arms.map(() => armOf(2_000, 100));
    const { lower, upper } = buildReport(experiment, sums, watchOf(experiment, sums)).primary.lifts[0]!.now;
    return upper! - lower!;
  });
  expect(widths[1]!).toBeGreaterThan(widths[0]!);
});

test("a plot keeps its newest look, and not more points than it can show", () => {
  const experiment = anExperiment();
  const sums = [armOf(1_000, 100), armOf(1_000, 110)];
  const watch = watchOf(experiment, ...Array.from({ length: 1_000 }, () => sums));
  expect(watch.looks).toBe(1_000);
  expect(watch.points.length).toBeLessThanOrEqual(256);
  expect(watch.points.at(-1)!.atMs).toBe(999_000);
});
