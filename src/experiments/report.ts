import { type ArmMeans, armMeans } from "./arm-means.ts";
import { type ArmSums, momentsOf, unitsOf } from "./arm-sums.ts";
import { type BayesianPanel, bayesianPanel } from "./bayesian-panel.ts";
import { EVERYTHING, type Interval, sequentialPValue } from "./confidence-sequence.ts";
import { decide, type GuardrailState, guardrailState, type Verdict } from "./decide.ts";
import { alphaOfArm, type Experiment, metricsOf } from "./experiment.ts";
import { SAMPLE_RATIO_ALARM, sampleRatioPValue } from "./sample-ratio.ts";
import { intervalOf, type Look, liftsOf, type Watch } from "./watch.ts";

/** Ends of an interval as JSON has them: null where nothing is known yet. */
export type ReportedInterval = Readonly<{ lower: number | null; upper: number | null }>;

/** One arm against control in one metric. */
export type ReportedLift = Readonly<{
  arm: string;
  /** The relative lift; null while there is too little to look at, as are the following. */
  lift: number | null;
  /** Of this look alone. */
  now: ReportedInterval;
  /** What the intervals of all looks hold; always valid, and what is decided by. */
  interval: ReportedInterval;
  /** Always valid: the smallest alpha at which this look alone would leave 0 out. */
  p: number | null;
  /** For display only; nothing is decided by it. */
  bayes: BayesianPanel | null;
}>;

/** One metric: the arms' means, and what each has over control. */
export type ReportedMetric = Readonly<{
  metric: string;
  goal: "increase" | "decrease";
  means: readonly Readonly<{ arm: string; raw: number | null; mean: number | null; converted: number }>[];
  /** Share of the variance within arms that the covariate explains. */
  varianceExplained: number;
  lifts: readonly ReportedLift[];
}>;

/** Everything that is known of an experiment at its newest look. */
export type ExperimentReport = Readonly<{
  experiment: string;
  placement: string;
  units: number;
  plannedUnits: number;
  alpha: number;
  looks: number;
  arms: readonly Readonly<{ arm: string; policy: string; weight: number; units: number }>[];
  sampleRatio: Readonly<{
    /** For this look alone. */
    p: number;
    /** The strongest evidence so far; null before the first unit. */
    logE: number | null;
    alarm: boolean;
  }>;
  primary: ReportedMetric;
  guardrails: readonly (ReportedMetric &
    Readonly<{ harmMax: number; states: readonly Readonly<{ arm: string; state: GuardrailState }>[] }>)[];
  verdicts: readonly (Readonly<{ arm: string }> & Verdict)[];
  /** The primary metric's interval over time. */
  overTime: readonly Readonly<{
    atMs: number;
    units: number;
    lifts: readonly ((Readonly<{ lift: number }> & ReportedInterval) | null)[];
  }>[];
}>;

/**
 * @param sums - Of each arm, in the order of the arms, as they were at the newest look.
 * @param watch - What all looks have found.
 */
export function buildReport(
  experiment: Experiment,
  sums: readonly ArmSums[],
  watch: Watch,
): ExperimentReport {
  const counts = sums.map(unitsOf);
  const units = counts.reduce((total, count) => total + count, 0);
  const weights = experiment.arms.map(({ weight }) => weight);
  const reported = metricsOf(experiment).map((_, metric) => reportMetric(experiment, sums, watch, metric));
  const [primary, ...others] = reported as [ReportedMetric, ...ReportedMetric[]];
  const states = experiment.guardrails.map((guardrail, i) =>
    experiment.arms.slice(1).map((_, arm) => guardrailState(guardrail, heldOf(watch, i + 1, arm))),
  );
  return {
    experiment: experiment.name,
    placement: experiment.placement,
    units,
    plannedUnits: experiment.plannedUnits,
    alpha: experiment.alpha,
    looks: watch.looks,
    arms: experiment.arms.map(({ name, policy, weight }, arm) => ({
      arm: name,
      policy,
      weight,
      units: counts[arm] ?? 0,
    })),
    sampleRatio: {
      p: sampleRatioPValue(counts, weights),
      logE: finite(watch.sampleRatioLogE),
      alarm: watch.sampleRatioLogE > SAMPLE_RATIO_ALARM,
    },
    primary,
    guardrails: others.map((metric, i) => ({
      ...metric,
      harmMax: experiment.guardrails[i]!.harmMax,
      states: nameArms(experiment, states[i] ?? []).map(([arm, state]) => ({ arm, state })),
    })),
    verdicts: experiment.arms.slice(1).map(({ name }, arm) => ({
      arm: name,
      ...decide(experiment.primary, {
        interval: heldOf(watch, 0, arm),
        guardrails: states.map((arms) => arms[arm] ?? "open"),
        sampleRatioLogE: watch.sampleRatioLogE,
        units,
        plannedUnits: experiment.plannedUnits,
      }),
    })),
    overTime: watch.points.map(reportLook),
  };
}

function reportMetric(
  experiment: Experiment,
  sums: readonly ArmSums[],
  watch: Watch,
  metric: number,
): ReportedMetric {
  const { name, goal } = metricsOf(experiment)[metric]!;
  const means: ArmMeans = armMeans(sums.map((one) => momentsOf(one, metric)));
  const lifts = liftsOf(sums, metric);
  return {
    metric: name,
    goal,
    means: experiment.arms.map((arm, i) => ({
      arm: arm.name,
      raw: means.arms[i]?.raw ?? null,
      mean: means.arms[i]?.mean ?? null,
      converted: means.arms[i]?.nonzero ?? 0,
    })),
    varianceExplained: means.explained,
    lifts: nameArms(experiment, lifts).map(([arm, lift], i) => {
      const { plannedUnits } = experiment;
      const options = { alpha: alphaOfArm(experiment), plannedUnits };
      return {
        arm,
        lift: lift?.relative.value ?? null,
        now: reportInterval(lift === undefined ? EVERYTHING : intervalOf(experiment, lift)),
        interval: reportInterval(heldOf(watch, metric, i)),
        p: lift === undefined ? null : sequentialPValue(lift.logRatio, lift.units, options),
        bayes: lift === undefined ? null : bayesianPanel(lift.relative, goal),
      };
    }),
  };
}

function reportLook({ atMs, units, lifts }: Look): ExperimentReport["overTime"][number] {
  return {
    atMs,
    units,
    lifts: lifts.map((one) => (one === undefined ? null : { lift: one.lift, ...reportInterval(one) })),
  };
}

/** Values of the arms but control, with their names. */
function nameArms<Value>(experiment: Experiment, values: readonly Value[]): readonly [string, Value][] {
  return values.map((value, i) => [experiment.arms[i + 1]!.name, value]);
}

function heldOf(watch: Watch, metric: number, arm: number): Interval {
  return watch.intervals[metric]?.[arm] ?? EVERYTHING;
}

function reportInterval({ lower, upper }: Interval): ReportedInterval {
  return { lower: finite(lower), upper: finite(upper) };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
