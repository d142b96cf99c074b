import type { LatencySummary } from "./latency-recorder.ts";
import type { LoadResult } from "./load-tasks.ts";

/** Requests answered in order, a second. @throws Error if any failed: a refusal is no answer. */
export function answeredPerSecond(result: LoadResult): number {
  refuseFailures(result);
  return (result.count * 1_000) / (result.endedMs - result.beganMs);
}

/** @throws Error if a request was refused or not answered. */
export function refuseFailures(result: LoadResult): void {
  const said = failuresOf([result]);
  if (said !== undefined) throw new Error(said);
}

/** How many requests failed, and what was said of the last one; undefined if none did. */
export function failuresOf(results: readonly LoadResult[]): string | undefined {
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  if (failed === 0) return undefined;
  const count = results.reduce((sum, result) => sum + result.count, 0);
  const last = results.findLast((result) => result.failed > 0)?.lastFailure ?? new Uint8Array();
  const said = last.length === 0 ? "not answered" : new TextDecoder().decode(last.subarray(0, 200));
  return `${failed} of ${count} requests failed, the last one: ${said}`;
}

/** A latency for a plot. */
export function percentilesSeries(name: string, latency: LatencySummary) {
  return {
    name,
    kind: "percentiles",
    xLabel: "percentile",
    yLabel: "ms",
    points: latency.points,
  } as const;
}

/** What an open loop's latencies contain beside the answers: the generator's own delay, and requests that failed. */
export function openLoopNote(results: readonly LoadResult[]): string {
  const p50 = Math.max(...results.map(({ late }) => late.p50Ms));
  const p99 = Math.max(...results.map(({ late }) => late.p99Ms));
  const failures = failuresOf(results);
  const counted = failures === undefined ? "" : `; ${failures}: each counts as 10 s`;
  return `measured from the time at which each was due; of that, the generator sent late: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms${counted}`;
}
