import { expect, test } from "vitest";
import type { Experiment } from "../../src/experiments/experiment.ts";
import {
  type ExperimentRecords,
  NO_EXPERIMENTS,
  withExperiment,
  withoutRunning,
} from "../../src/experiments/experiment-records.ts";
import { anExperiment } from "./an-experiment.ts";

function recordsOf(...experiments: readonly Experiment[]): ExperimentRecords {
  return { version: 1, experiments: experiments.map((experiment) => ({ experiment, startedMs: 1 })) };
}

function stopped(records: ExperimentRecords, name: string): ExperimentRecords {
  const changed = withoutRunning(records, name, 9);
  if (changed.kind !== "changed") throw new Error(changed.kind);
  return { version: records.version + 1, experiments: changed.experiments };
}

test("an experiment begins when it is defined, and ends when it is stopped", () => {
  const changed = withExperiment(NO_EXPERIMENTS, anExperiment(), 5);
  expect(changed).toMatchObject({ kind: "changed", record: { startedMs: 5 } });
  const records = recordsOf(anExperiment());
  expect(stopped(records, "home-hero").experiments).toMatchObject([{ startedMs: 1, stoppedMs: 9 }]);
});

test("the same definition again, and a second stop, change nothing", () => {
  const records = recordsOf(anExperiment());
  expect(withExperiment(records, anExperiment(), 5)).toMatchObject({
    kind: "unchanged",
    record: { startedMs: 1 },
  });
  expect(withoutRunning(stopped(records, "home-hero"), "home-hero", 11)).toMatchObject({
    kind: "unchanged",
    record: { stoppedMs: 9 },
  });
});

test("a name is used once", () => {
  const records = recordsOf(anExperiment());
  const exists = { kind: "refused", code: "EXPERIMENT_EXISTS" };
  expect(withExperiment(records, anExperiment({ plannedUnits: 9_000 }), 5)).toMatchObject(exists);
  expect(withExperiment(stopped(records, "home-hero"), anExperiment(), 5)).toMatchObject(exists);
});

test("experiments of one placement need a namespace without overlap, those of different ones do not", () => {
  const within = (name: string, from: number, to: number) =>
    anExperiment({ name, namespace: { name: "home", from, to } });
  const records = recordsOf(within("first", 0, 0.5));
  const outcome = (experiment: Experiment) => withExperiment(records, experiment, 5).kind;
  expect(outcome(within("second", 0.5, 1))).toBe("changed");
  expect(outcome(within("second", 0.4, 1))).toBe("refused");
  expect(outcome(anExperiment({ name: "second" }))).toBe("refused");
  expect(outcome({ ...within("second", 0.5, 1), hash: "growthbook-v2" })).toBe("refused");
  expect(outcome(anExperiment({ name: "second", placement: "sidebar" }))).toBe("changed");
  expect(withExperiment(stopped(records, "first"), anExperiment({ name: "second" }), 5).kind).toBe("changed");
});

test("an unknown one can't be stopped, and the message names those that are known", () => {
  expect(withoutRunning(recordsOf(anExperiment()), "hero", 5)).toEqual({
    kind: "refused",
    code: "UNKNOWN_EXPERIMENT",
    message: "no such experiment is defined: home-hero",
  });
});

test("only so many run at once, and of the stopped ones the oldest are forgotten", () => {
  const many = (count: number) =>
    recordsOf(
      ...Array.from({ length: count }, (_, i) => anExperiment({ name: `e${i}`, placement: `p${i}` })),
    );
  expect(withExperiment(many(64), anExperiment(), 5)).toMatchObject({ kind: "refused", code: "TOO_MANY" });
  const ended = many(256).experiments.map((record) => ({ ...record, stoppedMs: 2 }));
  const changed = withExperiment({ version: 1, experiments: ended }, anExperiment(), 5);
  const names =
    changed.kind === "changed" ? changed.experiments.map(({ experiment }) => experiment.name) : [];
  expect([names.length, names[0], names.at(-1)]).toEqual([256, "e1", "home-hero"]);
});
