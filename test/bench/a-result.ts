import type { BenchResult, Measurement, Series } from "../../bench/harness/bench-result.ts";

/** A measurement; what does not matter is filled in. */
export function aMeasurement(given: Partial<Measurement> = {}): Measurement {
  const value = given.value ?? 100_000;
  return {
    scenario: "drain",
    metric: "events folded and committed",
    value,
    unit: "events/s",
    spread: { rounds: [value * 0.9, value, value * 1.1], min: value * 0.9, max: value * 1.1 },
    ...given,
  };
}

/** A series with a few points. */
export function aSeries(given: Partial<Series> = {}): Series {
  return {
    scenario: "drain",
    name: "round 1",
    kind: "over-time",
    xLabel: "seconds",
    yLabel: "events/s",
    points: [
      [0, 80_000],
      [1, 100_000],
    ],
    ...given,
  };
}

/** A result of one measurement. */
export function aResult(given: Partial<BenchResult> = {}): BenchResult {
  return {
    machine: {
      cpu: "Bench CPU 3000",
      cores: 2,
      memoryBytes: 8 * 2 ** 30,
      system: "linux 6.1.0 x64",
      load1Minute: 0,
    },
    versions: { resonance: "0.1.0", node: "24.0.0" },
    startedAt: "2026-01-02T03:04:05.678Z",
    options: { segments: 64 },
    results: [aMeasurement()],
    series: [],
    skipped: [],
    ...given,
  };
}
