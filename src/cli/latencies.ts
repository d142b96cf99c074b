import { build, type Histogram } from "hdr-histogram-js";

/** Percentiles of what was recorded, in milliseconds; null while nothing was. */
export type LatencySummary = Readonly<{ p50: number | null; p99: number | null; count: number }>;

/** Records durations with three digits of precision, from a microsecond to a minute. */
export class Latencies {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });

  record(milliseconds: number): void {
    this.#histogram.recordValue(Math.min(60_000_000, Math.max(1, Math.round(milliseconds * 1_000))));
  }

  summary(): LatencySummary {
    const count = this.#histogram.totalCount;
    if (count === 0) return { p50: null, p99: null, count };
    const at = (percentile: number): number => this.#histogram.getValueAtPercentile(percentile) / 1_000;
    return { p50: at(50), p99: at(99), count };
  }
}
