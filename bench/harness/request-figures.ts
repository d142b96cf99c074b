import type { LatencySummary } from "./latency-recorder.ts";
import type { LoadResult } from "./load-tasks.ts";

/** Requests answered in order, a second. @throws Error if any failed: a refusal is no answer. */
export function answeredPerSecond(result: LoadResult): number {
  refuseFailures(result);
  return (result.count * 1_000) / (result.endedMs - result.beganMs);
}

/** @throws Error if a request was refused or not answered. */
export function refuseFailures({ count, failed, lastReply }: LoadResult): void {
  if (failed === 0) return;
  const said = new TextDecoder().decode(lastReply.subarray(0, 200));
  throw new Error(`${failed} of ${count} requests failed; the last reply was ${said}`);
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

/** What the generator itself adds to an open loop's latencies. */
export function latenessNote(results: readonly LoadResult[]): string {
  const p50 = Math.max(...results.map(({ late }) => late.p50Ms));
  const p99 = Math.max(...results.map(({ late }) => late.p99Ms));
  return `measured from the time at which each was due; of that, the generator sent late: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;
}
