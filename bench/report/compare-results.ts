import type { BenchResult, Machine, Measurement } from "../harness/bench-result.ts";

/** How a figure changed. */
export type Verdict =
  | "better"
  | "worse"
  /** The spreads of the rounds overlap: nothing is shown. */
  | "within the noise"
  /** One of them has a single round, and with it no spread. */
  | "one round"
  /** An absolute figure of another machine: a change says nothing about the code. */
  | "other machine"
  /** Only the newer run has it, or only the older one. */
  | "new"
  | "gone"
  /** One of them could not be measured. */
  | "failed";

/** What is set side by side: the figure itself, or its share of the ceiling of its own run. */
export type Basis = "value" | "ratio";

/** One side of a comparison, in the unit of its basis. */
export type Compared = Readonly<{ figure: number; min: number; max: number; rounds: number }>;

/** One figure of two runs. */
export type ComparedFigure = Readonly<{
  scenario: string;
  metric: string;
  /** `x` where ratios are compared. */
  unit: string;
  basis: Basis;
  before?: Compared;
  after?: Compared;
  /** Of `after` to `before`, in percent; absent where there is nothing to compare. */
  changePercent?: number;
  verdict: Verdict;
}>;

/** Two runs, side by side. */
export type Comparison = Readonly<{
  sameMachine: boolean;
  figures: readonly ComparedFigure[];
  /** Versions and settings that differ: name, old, new. */
  differences: readonly (readonly [name: string, before: string, after: string])[];
}>;

/** Units of which less is better. */
const LESS_IS_BETTER = /^(ns|us|µs|ms|s|min|bytes?|[KMG]i?B)\b(?!.*\/s$)/;

/**
 * Sets two results side by side. On the same machine figures are compared as they are; on two machines by their ratio to
 * the ceiling that the same run measured, where both have one.
 */
export function compareResults(before: BenchResult, after: BenchResult): Comparison {
  const sameMachine = isSameMachine(before.machine, after.machine);
  const keys = new Set([...before.results, ...after.results].map(keyOf));
  const figures = [...keys].flatMap((key): ComparedFigure[] => {
    const older = before.results.find((one) => keyOf(one) === key);
    const newer = after.results.find((one) => keyOf(one) === key);
    const known = newer ?? older;
    return known === undefined ? [] : [compare(known, older, newer, sameMachine)];
  });
  return { sameMachine, figures, differences: differencesOf(before, after) };
}

/** Whether two runs had the same processor, cores and memory; a newer kernel is the same machine. */
export function isSameMachine(before: Machine, after: Machine): boolean {
  const memory = Math.abs(before.memoryBytes - after.memoryBytes) / Math.max(before.memoryBytes, 1);
  return before.cpu === after.cpu && before.cores === after.cores && memory < 0.02;
}

function keyOf({ scenario, metric, unit }: Measurement): string {
  return JSON.stringify([scenario, metric, unit]);
}

function compare(
  known: Measurement,
  older: Measurement | undefined,
  newer: Measurement | undefined,
  sameMachine: boolean,
): ComparedFigure {
  const haveRatios = [older, newer].every((one) => one === undefined || one.ratio !== undefined);
  const basis: Basis = !sameMachine && haveRatios ? "ratio" : "value";
  const [before, after] = [older && sideOf(older, basis), newer && sideOf(newer, basis)];
  const common = {
    scenario: known.scenario,
    metric: known.metric,
    unit: basis === "ratio" ? "x" : known.unit,
    basis,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
  if (before === undefined) return { ...common, verdict: "new" };
  if (after === undefined) return { ...common, verdict: "gone" };
  if (!Number.isFinite(before.figure) || !Number.isFinite(after.figure))
    return { ...common, verdict: "failed" };
  const change = before.figure === 0 ? {} : { changePercent: (after.figure / before.figure - 1) * 100 };
  const isFair = sameMachine || basis === "ratio";
  return { ...common, ...change, verdict: isFair ? verdictOf(known, before, after) : "other machine" };
}

/** A ratio's spread is that of its figure: the ceiling's own is not told. */
function sideOf({ value, ratio, ceiling, spread }: Measurement, basis: Basis): Compared {
  const rounds = spread.rounds.length;
  if (basis === "value" || ratio === undefined)
    return { figure: value, min: spread.min, max: spread.max, rounds };
  const divisor = ceiling ?? Number.NaN;
  return { figure: ratio, min: spread.min / divisor, max: spread.max / divisor, rounds };
}

function verdictOf(known: Measurement, before: Compared, after: Compared): Verdict {
  if (before.rounds < 2 || after.rounds < 2) return "one round";
  if (before.min <= after.max && after.min <= before.max) return "within the noise";
  return after.figure < before.figure === isLessBetter(known) ? "better" : "worse";
}

/** The goal says which way is better; without one, the unit does. */
function isLessBetter({ goal, unit }: Measurement): boolean {
  if (goal !== undefined) return goal.trimStart().startsWith("<=");
  return LESS_IS_BETTER.test(unit);
}

function differencesOf(before: BenchResult, after: BenchResult): Comparison["differences"] {
  const older: Readonly<Record<string, unknown>> = { ...before.options, ...before.versions };
  const newer: Readonly<Record<string, unknown>> = { ...after.options, ...after.versions };
  return [...new Set([...Object.keys(older), ...Object.keys(newer)])].flatMap((name) => {
    const [was, is] = [textOf(older[name]), textOf(newer[name])];
    return was === is ? [] : [[name, was, is] as const];
  });
}

function textOf(value: unknown): string {
  if (value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}
