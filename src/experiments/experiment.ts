import type { HashMode } from "./hash-unit.ts";

/** How an arm chooses content: a policy by name, with what it may be given. */
export type Arm = Readonly<{
  name: string;
  /** Share of the experiment's units, in (0, 1]; those of all arms sum to 1. */
  weight: number;
  /** The way of choosing, by its name in docs/content.md; `mixture` where nothing is said. */
  policy: string;
  /** Version of the encoder by which users are scored, in the place of the one in force. */
  encoder?: string;
  /** Segments less likely than this count as their map's overall rate, in [0, 1). */
  minProbability?: number;
  /** Share of choices made at random, in [0, 1], in the place of the placement's. */
  floor?: number;
}>;

/** What is told of a unit's events: whether there are any, how many, or the sum of their values. */
export type Measure = Readonly<{
  /** The type of events that count. */
  event: string;
  measure: "converted" | "count" | "value";
  /** The most that one unit can count, > 0: one that buys for a thousand others would decide alone. */
  capAt?: number;
  /** Only events count that carry a decision of the experiment's placement. */
  atPlacement?: boolean;
}>;

/** A number of each unit, taken over what it did after its exposure; with `per`, a ratio of two sums. */
export type Metric = Measure &
  Readonly<{
    name: string;
    per?: Measure;
    /** Which way is better. */
    goal: "increase" | "decrease";
  }>;

/** A metric that must not be harmed: by more than `harmMax` of control's, in [0, 1). */
export type Guardrail = Metric & Readonly<{ harmMax: number }>;

/** One experiment as it was defined; nothing of it changes afterwards but whether it runs. */
export type Experiment = Readonly<{
  name: string;
  /** Where the arms may choose differently. */
  placement: string;
  /** The first is control; at least two. */
  arms: readonly Arm[];
  /** Share of units that take part, in (0, 1]. */
  traffic: number;
  hash: HashMode;
  /** What units are hashed with. */
  seed: string;
  /** Experiments of one namespace whose ranges do not overlap never have a unit in common. */
  namespace?: Readonly<{ name: string; from: number; to: number }>;
  /** Units that no experiment with a holdout of this name takes, share in (0, 1). */
  holdout?: Readonly<{ name: string; share: number }>;
  primary: Metric;
  guardrails: readonly Guardrail[];
  /** N*: units of all arms at which the interval is narrowest for what it knows. Fixed before the start. */
  plannedUnits: number;
  /** Chance of an interval that ever misses the truth, over all arms together, in (0, 0.5]. */
  alpha: number;
}>;

/** The metrics in the order of an experiment's sums: the primary one, then the guardrails. */
export function metricsOf(experiment: Experiment): readonly Metric[] {
  return [experiment.primary, ...experiment.guardrails];
}

/** The chance of error that each arm's comparison with control may use. */
export function alphaOfArm({ alpha, arms }: Experiment): number {
  return alpha / (arms.length - 1);
}
