import { armMeans, logRatio, relativeLift } from "./arm-means.ts";
import { type ArmSums, momentsOf, unitsOf } from "./arm-sums.ts";
import {
  confidenceSequence,
  type Estimate,
  EVERYTHING,
  type Interval,
  intersect,
} from "./confidence-sequence.ts";
import { alphaOfArm, type Experiment, metricsOf } from "./experiment.ts";
import { sampleRatioEvidence } from "./sample-ratio.ts";

/** The primary metric at one look, for the plot of the interval over time. */
export type Look = Readonly<{
  atMs: number;
  /** Units of all arms. */
  units: number;
  /** For each arm but control, the estimate and what all intervals so far hold; undefined before the first. */
  lifts: readonly ((Readonly<{ lift: number }> & Interval) | undefined)[];
}>;

/** What was learnt by looking again and again: it can only become narrower, or a stronger alarm. */
export type Watch = Readonly<{
  /** Looks at which there was enough to look at. */
  looks: number;
  /** For each metric and each arm but control: what all intervals so far hold. */
  intervals: readonly (readonly Interval[])[];
  /** The strongest evidence of a broken split so far, as the log of an e-value. */
  sampleRatioLogE: number;
  points: readonly Look[];
}>;

/** Before the first look. */
export function newWatch(experiment: Experiment): Watch {
  return {
    looks: 0,
    intervals: metricsOf(experiment).map(() => experiment.arms.slice(1).map(() => EVERYTHING)),
    sampleRatioLogE: Number.NEGATIVE_INFINITY,
    points: [],
  };
}

/**
 * Looks at an experiment. Looking more often costs nothing: the intervals hold the truth at all times together.
 *
 * @param sums - Of each arm, in the order of the arms.
 */
export function look(watch: Watch, experiment: Experiment, sums: readonly ArmSums[], atMs: number): Watch {
  const counts = sums.map(unitsOf);
  const weights = experiment.arms.map(({ weight }) => weight);
  const sampleRatioLogE = Math.max(watch.sampleRatioLogE, sampleRatioEvidence(counts, weights));
  const seen = metricsOf(experiment).map((_, metric) => liftsOf(sums, metric));
  const intervals = watch.intervals.map((arms, metric) =>
    arms.map((held, arm) => {
      const lift = seen[metric]?.[arm];
      return lift === undefined ? held : intersect(held, intervalOf(experiment, lift));
    }),
  );
  const primary = seen[0] ?? [];
  if (primary.every((lift) => lift === undefined)) return { ...watch, intervals, sampleRatioLogE };
  const point: Look = {
    atMs,
    units: counts.reduce((total, count) => total + count, 0),
    lifts: primary.map((lift, arm) => {
      const held = intervals[0]?.[arm] ?? EVERYTHING;
      return lift === undefined ? undefined : { lift: lift.relative.value, ...held };
    }),
  };
  return {
    looks: watch.looks + 1,
    intervals,
    sampleRatioLogE,
    points: thinned([...watch.points, point]),
  };
}

/** An arm against control. */
export type Lift = Readonly<{
  /** The relative lift, for display. */
  relative: Estimate;
  /** The log of the ratio of the means, which intervals are computed of. */
  logRatio: Estimate;
  /** Units of both arms behind them. */
  units: number;
}>;

/** The lifts of all arms but control in one metric; undefined where there is too little to look at. */
export function liftsOf(sums: readonly ArmSums[], metric: number): readonly (Lift | undefined)[] {
  const { arms } = armMeans(sums.map((one) => momentsOf(one, metric)));
  const [control, ...others] = arms;
  return others.map((arm) => {
    if (control === undefined || arm === undefined) return undefined;
    if ([control, arm].some(({ units, nonzero }) => units < UNITS_MIN || nonzero < NONZERO_MIN))
      return undefined;
    const [relative, ratio] = [relativeLift(control, arm), logRatio(control, arm)];
    if (relative === undefined || ratio === undefined) return undefined;
    return { relative, logRatio: ratio, units: control.units + arm.units };
  });
}

/** The interval of the relative lift by one look alone. */
export function intervalOf(experiment: Experiment, lift: Lift): Interval {
  const { plannedUnits } = experiment;
  const options = { alpha: alphaOfArm(experiment), plannedUnits };
  const { lower, upper } = confidenceSequence(lift.logRatio, lift.units, options);
  return { lower: Math.expm1(lower), upper: Math.expm1(upper) };
}

/** An arm that has fewer of these is not looked at: normal approximations need some to hold. @see METHODS 4.4 */
const UNITS_MIN = 200;
const NONZERO_MIN = 10;

/** Points of a plot, at most: more than a terminal has columns. */
const POINTS_MAX = 256;

/** Every second point, the newest among them, once there are too many. */
function thinned(points: readonly Look[]): readonly Look[] {
  if (points.length <= POINTS_MAX) return points;
  return points.filter((_, i) => (points.length - 1 - i) % 2 === 0);
}
