import type { Experiment } from "./experiment.ts";

/** An experiment with when it began, and ended. */
export type ExperimentRecord = Readonly<{
  experiment: Experiment;
  /** Epoch ms, by the gateway that took it. */
  startedMs: number;
  /** Left out while it runs. */
  stoppedMs?: number;
}>;

/** All experiments of a deployment, under one version that only grows. */
export type ExperimentRecords = Readonly<{
  version: number;
  experiments: readonly ExperimentRecord[];
}>;

/** Before any experiment is defined. */
export const NO_EXPERIMENTS: ExperimentRecords = { version: 0, experiments: [] };

/** Experiments that run at once, and those kept in all: the oldest of the stopped ones go first. */
const RUNNING_MAX = 64;
const KEPT_MAX = 256;

/** What came of defining or stopping an experiment. */
export type ChangedRecords =
  | Readonly<{ kind: "changed"; experiments: readonly ExperimentRecord[]; record: ExperimentRecord }>
  /** It is as it should be already. */
  | Readonly<{ kind: "unchanged"; record: ExperimentRecord }>
  | Readonly<{
      kind: "refused";
      code: "EXPERIMENT_EXISTS" | "EXPERIMENT_OVERLAPS" | "UNKNOWN_EXPERIMENT" | "TOO_MANY";
      message: string;
    }>;

/**
 * Adds an experiment. A name is used once, so that nobody's arm and no number changes its meaning; experiments that run at
 * one placement must not share a unit.
 */
export function withExperiment(
  { experiments }: ExperimentRecords,
  experiment: Experiment,
  nowMs: number,
): ChangedRecords {
  const { name, placement } = experiment;
  const held = experiments.find((record) => record.experiment.name === name);
  if (held !== undefined) {
    const isSame = JSON.stringify(held.experiment) === JSON.stringify(experiment);
    if (isSame && held.stoppedMs === undefined) return { kind: "unchanged", record: held };
    const why = held.stoppedMs === undefined ? "runs with another definition" : "was stopped";
    const message = `${name} ${why}: a name is used once, define it under another`;
    return { kind: "refused", code: "EXPERIMENT_EXISTS", message };
  }
  const running = experiments.filter(({ stoppedMs }) => stoppedMs === undefined);
  const rival = running.find((record) => mayShareUnits(record.experiment, experiment));
  if (rival !== undefined) {
    const other = rival.experiment.name;
    const message = `${other} runs at ${placement}, too: give both one namespace, with ranges that do not overlap, or stop ${other}`;
    return { kind: "refused", code: "EXPERIMENT_OVERLAPS", message };
  }
  if (running.length >= RUNNING_MAX) {
    const message = `${RUNNING_MAX} experiments run at once at most: stop one`;
    return { kind: "refused", code: "TOO_MANY", message };
  }
  const record = { experiment, startedMs: nowMs };
  return { kind: "changed", experiments: [...withRoom(experiments), record], record };
}

/** Stops an experiment: nobody is assigned any more, and nothing more is counted. */
export function withoutRunning(
  { experiments }: ExperimentRecords,
  name: string,
  nowMs: number,
): ChangedRecords {
  const held = experiments.find((record) => record.experiment.name === name);
  if (held === undefined) {
    const known = experiments.map((record) => record.experiment.name).join(", ") || "none is";
    return {
      kind: "refused",
      code: "UNKNOWN_EXPERIMENT",
      message: `no such experiment is defined: ${known}`,
    };
  }
  if (held.stoppedMs !== undefined) return { kind: "unchanged", record: held };
  const record = { ...held, stoppedMs: nowMs };
  return { kind: "changed", experiments: experiments.map((one) => (one === held ? record : one)), record };
}

/** Whether a unit could be asked by both for one placement's content. */
function mayShareUnits(a: Experiment, b: Experiment): boolean {
  if (a.placement !== b.placement) return false;
  const [one, other] = [a.namespace, b.namespace];
  if (one === undefined || other === undefined || one.name !== other.name) return true;
  // Of two ways to hash, a unit has a place in each.
  if ((a.hash === "sha256") !== (b.hash === "sha256")) return true;
  return one.from < other.to && other.from < one.to;
}

function withRoom(experiments: readonly ExperimentRecord[]): readonly ExperimentRecord[] {
  let over = experiments.length + 1 - KEPT_MAX;
  return experiments.filter(({ stoppedMs }) => stoppedMs === undefined || --over < 0);
}
