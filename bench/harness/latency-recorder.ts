import { build, type Histogram } from "hdr-histogram-js";

/** What some requests took, in milliseconds; plain data, so that it crosses processes. All 0 while `count` is. */
export type LatencySummary = Readonly<{
  count: number;
  p50Ms: number;
  p90Ms: number;
  p99Ms: number;
  p999Ms: number;
  maxMs: number;
  /** Percentile (0 to 100) and milliseconds, for a plot. */
  points: readonly (readonly [percentile: number, ms: number])[];
}>;

/** Recorded in tenths of a microsecond: a bare echo takes about 100 of a microsecond. */
const UNITS_A_MS = 10_000;
const LONGEST_MS = 600_000;
const PLOTTED = [0, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.9, 99.95, 99.99, 100] as const;

/** An HDR histogram of durations, with three digits of precision from 0.1 us to ten minutes. */
export class LatencyRecorder {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_MS * UNITS_A_MS,
    numberOfSignificantValueDigits: 3,
  });

  record(ms: number): void {
    this.#histogram.recordValue(Math.min(LONGEST_MS * UNITS_A_MS, Math.max(1, Math.round(ms * UNITS_A_MS))));
  }

  reset(): void {
    this.#histogram.reset();
  }

  summary(): LatencySummary {
    const count = this.#histogram.totalCount;
    const at = (percentile: number): number =>
      count === 0 ? 0 : this.#histogram.getValueAtPercentile(percentile) / UNITS_A_MS;
    return {
      count,
      p50Ms: at(50),
      p90Ms: at(90),
      p99Ms: at(99),
      p999Ms: at(99.9),
      maxMs: at(100),
      points: count === 0 ? [] : PLOTTED.map((percentile) => [percentile, at(percentile)] as const),
    };
  }
}
