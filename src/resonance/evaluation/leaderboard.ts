import { type ThresholdReport, thresholdReport } from "../threshold-tally.ts";
import type { Cell } from "./cell.ts";
import { COMPARED_DEPTHS, CONTEXT_DEPTHS, type DepthName, depthName } from "./depth-scores.ts";
import type { MethodResult, SplitResult } from "./evaluate-split.ts";
import { type PairedDifference, pairedDifference, type Verdict, verdictOf } from "./paired-difference.ts";

/** A metric against the best baseline of the same depth. */
export type Comparison = PairedDifference & Readonly<{ baseline: string; verdict: Verdict }>;

/** A method at a depth: means over the splits. */
export type LeaderboardCell = Readonly<{
  depth: DepthName;
  /** Null if fewer than two segments have masked users. */
  auc: number | null;
  logLoss: number;
  ece: number;
  /** What perfectly calibrated answers would show on as many users. */
  eceByChance: number;
  /** Of an encoder only. */
  versus?: Readonly<{ auc: Comparison | null; logLoss: Comparison }>;
}>;

export type LeaderboardRow = Readonly<{
  method: string;
  kind: MethodResult["kind"];
  strength: readonly (number | null)[];
  dim: number | null;
  fitSeconds: number;
  eventMicros: number;
  cells: readonly LeaderboardCell[];
  /** How many cells are better than, level with and worse than the best baseline; of an encoder only. */
  /** At each depth, over all splits; of an encoder only. */
  thresholds?: readonly ThresholdReport[];
  counts?: Readonly<Record<"auc" | "logLoss", Readonly<Record<Verdict, number>>>>;
  /** What the contexts of first visits add, of an encoder that learnt it on every split. */
  context?: ContextRow;
}>;

/** Means over the splits. */
export type ContextRow = Readonly<{
  /** Fields looked at, in the order of back-off, and the weights by length of history; of each split. */
  fields: readonly (readonly string[])[];
  weights: readonly (readonly number[])[];
  /** Before any event and at every depth; `gain` is that of the context, above 0 if it helps. */
  cells: readonly Readonly<{
    depth: DepthName;
    logLoss: number;
    without: number;
    gain: PairedDifference;
  }>[];
}>;

/** Methods side by side on the same members and the same masked users of one map. */
export type Leaderboard = Readonly<{
  map: string;
  segments: number;
  /** Members and masked users, means over the splits. */
  members: number;
  masked: number;
  splits: number;
  /** What thresholds were chosen for. */
  precision: number;
  rows: readonly LeaderboardRow[];
}>;

/**
 * Puts the results of several splits of one map together.
 *
 * @param results - At least one; all of the same map and methods.
 */
export function leaderboardOf(results: readonly SplitResult[]): Leaderboard {
  const [first] = results as [SplitResult, ...SplitResult[]];
  return {
    map: first.map,
    segments: first.segments,
    members: Math.round(mean(results.map(({ members }) => members))),
    masked: Math.round(mean(results.map(({ users }) => users.length))),
    splits: results.length,
    precision: first.precision,
    rows: first.methods.map((_, m) => rowOf(results, m)),
  };
}

function rowOf(results: readonly SplitResult[], m: number): LeaderboardRow {
  const own = results.map(({ methods }) => methods[m]!);
  const [{ name, kind, dim }] = own as [MethodResult, ...MethodResult[]];
  const cells = COMPARED_DEPTHS.map((depth, d): LeaderboardCell => {
    const auc = mean(own.map(({ cells }) => cells[d]!.auc));
    return {
      depth: depthName(depth),
      auc: Number.isNaN(auc) ? null : auc,
      logLoss: mean(own.map(({ cells }) => cells[d]!.logLoss)),
      ece: mean(own.map(({ cells }) => cells[d]!.ece)),
      eceByChance: mean(own.map(({ cells }) => cells[d]!.eceByChance)),
      ...(kind === "encoder" ? { versus: versus(results, m, d) } : {}),
    };
  });
  const row = {
    method: name,
    kind,
    strength: own.map(({ strength }) => strength),
    dim,
    fitSeconds: mean(own.map(({ fitSeconds }) => fitSeconds)),
    eventMicros: mean(own.map(({ eventMicros }) => eventMicros)),
    cells,
  };
  if (kind === "baseline") return row;
  const aucs = cells.flatMap((cell) => cell.versus?.auc?.verdict ?? []);
  const losses = cells.flatMap((cell) => cell.versus?.logLoss.verdict ?? []);
  const context = contextRow(results, m);
  return {
    ...row,
    thresholds: COMPARED_DEPTHS.map((_, d) => thresholdReport(own.map(({ thresholds }) => thresholds![d]!))),
    counts: { auc: counted(aucs), logLoss: counted(losses) },
    ...(context === undefined ? {} : { context }),
  };
}

function contextRow(results: readonly SplitResult[], m: number): ContextRow | undefined {
  const own = results.flatMap(({ methods, users }) => {
    const { context } = methods[m]!;
    return context === undefined ? [] : [{ ...context, users }];
  });
  if (own.length < results.length) return undefined;
  return {
    fields: own.map(({ levels }) => levels.map(({ field }) => field)),
    weights: own.map(({ weights }) => weights),
    cells: CONTEXT_DEPTHS.map((depth, d) => ({
      depth: depthName(depth),
      logLoss: mean(own.map(({ cells }) => cells[d]!.told.logLoss)),
      without: mean(own.map(({ cells }) => cells[d]!.without.logLoss)),
      gain: pairedDifference(
        "logLoss",
        own.map(({ cells, users }) => ({ ours: cells[d]!.told, theirs: cells[d]!.without, users })),
      ),
    })),
  };
}

function versus(
  results: readonly SplitResult[],
  m: number,
  d: number,
): NonNullable<LeaderboardCell["versus"]> {
  const compare = (metric: "auc" | "logLoss"): Comparison => {
    const best = bestBaseline(results, d, metric);
    const pairs = results.map(({ methods, users }) => ({
      ours: methods[m]!.cells[d]!,
      theirs: methods[best]!.cells[d]!,
      users,
    }));
    const difference = pairedDifference(metric, pairs);
    return { ...difference, baseline: results[0]!.methods[best]!.name, verdict: verdictOf(difference) };
  };
  const hasAuc = results.every(({ methods }) => !Number.isNaN(methods[m]!.cells[d]!.auc));
  return { auc: hasAuc ? compare("auc") : null, logLoss: compare("logLoss") };
}

function bestBaseline(results: readonly SplitResult[], d: number, metric: "auc" | "logLoss"): number {
  const sign = metric === "auc" ? -1 : 1;
  const values = results[0]!.methods.map(({ kind }, m) => {
    const cells = results.map(({ methods }): Cell => methods[m]!.cells[d]!);
    return kind === "baseline" ? sign * mean(cells.map((cell) => cell[metric])) : Number.POSITIVE_INFINITY;
  });
  return values.indexOf(Math.min(...values));
}

function counted(verdicts: readonly Verdict[]): Record<Verdict, number> {
  const counts = { better: 0, level: 0, worse: 0 };
  for (const verdict of verdicts) counts[verdict]++;
  return counts;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
