/** What one run of `resonance bench` found: the content of its `--json` file, and what reports and comparisons read. */
export type BenchResult = {
  readonly machine: Machine;
  /** Version by name: `node`, `nats-server`, `resonance`, and whatever a scenario brings (`redis-server`, `ioredis`). */
  readonly versions: Readonly<Record<string, string>>;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** The sizes, rates and settings of the run, as asked for or by default. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly results: readonly Measurement[];
  readonly series: readonly Series[];
  /** Scenarios that were asked for but could not run here, each with its reason. */
  readonly skipped: readonly SkippedScenario[];
};

export type SkippedScenario = { readonly scenario: string; readonly reason: string };

/** What the figures were measured on. */
export type Machine = {
  /** As the processor names itself. */
  readonly cpu: string;
  /** Logical cores that this process may use. */
  readonly cores: number;
  readonly memoryBytes: number;
  /** Kernel name, release and architecture, such as `linux 6.1.0 x64`. */
  readonly system: string;
  /** Load average over one minute at the start: above 0 means that something else was running. */
  readonly load1Minute: number;
};

/** One figure: the median of several rounds, and the ceiling that the same run measured for it. */
export type Measurement = {
  readonly scenario: string;
  /** What was measured, such as `events folded and committed`; unique within a scenario. */
  readonly metric: string;
  /** The median over the rounds, in `unit`. */
  readonly value: number;
  /** Such as `events/s`, `ms`, `users/s`, `bytes/user`, `MiB`, `s`. */
  readonly unit: string;
  /** What the machine allows, measured in the same run, in `unit`. */
  readonly ceiling?: number;
  readonly ceilingName?: string;
  /** `value / ceiling`; for a latency, above 1 is slower than the ceiling. */
  readonly ratio?: number;
  readonly spread: Spread;
  readonly note?: string;
  /** The goal in words, such as `>= 0.5 x, >= 100,000 events/s`; absent where none is set. */
  readonly goal?: string;
  /** Whether the goal holds; present when `goal` is. */
  readonly reached?: boolean;
};

/** Each round's figure in the order measured, in the measurement's unit. */
export type Spread = { readonly rounds: readonly number[]; readonly min: number; readonly max: number };

/**
 * Something to plot.
 * `percentiles`: x is a percentile from 0 to 100, y a latency. `over-time`: x is seconds since the round began.
 * `growth`: x is a size (segments, users, threads), y the figure at that size.
 */
export type Series = {
  readonly scenario: string;
  /** Tells several series of one scenario apart; those with the same kind and labels may share a plot. */
  readonly name: string;
  readonly kind: "percentiles" | "over-time" | "growth";
  readonly xLabel: string;
  readonly yLabel: string;
  readonly points: readonly (readonly [x: number, y: number])[];
};
