import type { Moments } from "./arm-sums.ts";
import type { Estimate } from "./confidence-sequence.ts";

/** The mean (or ratio) of a metric in one arm, and what is known of it. */
export type ArmMean = Readonly<{
  units: number;
  /** Units with a value other than 0. */
  nonzero: number;
  /** As it was seen: sum of y over sum of d. */
  raw: number;
  /** Without what the covariate explains. */
  mean: number;
  /** Variance of `mean` as an estimate, not of single units. */
  variance: number;
}>;

/** The means of all arms, and how much of their variance the covariate took. */
export type ArmMeans = Readonly<{
  /** Undefined for an arm with fewer than two units, or nothing to divide by. */
  arms: readonly (ArmMean | undefined)[];
  /** 1 - the share of the variance within arms that is left, in [0, 1]. */
  explained: number;
}>;

/**
 * Means of all arms by CUPED: what a covariate from before the exposure explains is taken off, with one slope for all arms. It can't
 * favour an arm, since the covariate does not depend on it; it narrows the interval.
 *
 * A ratio is linearised: with R = sum y / sum d, its variance is that of the mean of (y - R d) / mean d (delta method). A mean
 * is the ratio whose d is 1.
 *
 * @see Deng et al., "Improving the sensitivity of online controlled experiments", WSDM 2013; Deng et al., "Applying the delta method in
 * metric analytics", KDD 2018; METHODS 4.5.
 */
export function armMeans(moments: readonly Moments[]): ArmMeans {
  const arms = moments.map(linearised);
  const known = arms.filter((arm) => arm !== undefined);
  const xx = total(known, ({ sxx }) => sxx);
  const xz = total(known, ({ sxz }) => sxz);
  const zz = total(known, ({ szz }) => szz);
  const slope = xx > 0 ? xz / xx : 0;
  const units = total(known, ({ moment }) => moment.units);
  const meanX = units > 0 ? total(known, ({ moment }) => moment.x) / units : 0;
  return {
    arms: arms.map((arm) => (arm === undefined ? undefined : adjusted(arm, slope, meanX))),
    explained: xx > 0 && zz > 0 ? Math.min(1, xz ** 2 / (xx * zz)) : 0,
  };
}

/**
 * The log of how many times control's mean an arm's is, with its standard error by the delta method. What is decided by is
 * computed on this scale: on that of the relative lift itself a control that is low by chance widens and shifts the
 * interval at once, which costs power and raises false alarms (measured in docs/experiments.md).
 *
 * @returns Undefined while one of the means is not above 0, or nothing varies.
 */
export function logRatio(control: ArmMean, arm: ArmMean): Estimate | undefined {
  if (!(control.mean > 0 && arm.mean > 0)) return undefined;
  const variance = arm.variance / arm.mean ** 2 + control.variance / control.mean ** 2;
  return variance > 0
    ? { value: Math.log(arm.mean / control.mean), standardError: Math.sqrt(variance) }
    : undefined;
}

/**
 * By which part of control's mean an arm's is larger, with its standard error by the delta method.
 *
 * @returns Undefined while control's mean is not above 0, or nothing varies.
 */
export function relativeLift(control: ArmMean, arm: ArmMean): Estimate | undefined {
  if (!(control.mean > 0)) return undefined;
  const ratio = arm.mean / control.mean;
  const variance = (arm.variance + control.variance * ratio ** 2) / control.mean ** 2;
  return variance > 0 ? { value: ratio - 1, standardError: Math.sqrt(variance) } : undefined;
}

/** One arm's metric as deviations z = y - R d, whose sum is 0, with centred sums of squares and products. */
type Linearised = Readonly<{ moment: Moments; ratio: number; sxx: number; sxz: number; szz: number }>;

function linearised(moment: Moments): Linearised | undefined {
  const { units, x, xx, y, yy, d, dd, yd, xy, xd } = moment;
  if (units < 2 || !(d > 0)) return undefined;
  const ratio = y / d;
  return {
    moment,
    ratio,
    sxx: Math.max(0, xx - x ** 2 / units),
    sxz: xy - ratio * xd,
    szz: Math.max(0, yy - 2 * ratio * yd + ratio ** 2 * dd),
  };
}

function adjusted({ moment, ratio, sxx, sxz, szz }: Linearised, slope: number, meanX: number): ArmMean {
  const { units, nonzero, x, d } = moment;
  const meanD = d / units;
  const left = Math.max(0, szz - 2 * slope * sxz + slope ** 2 * sxx) / (units - 1);
  return {
    units,
    nonzero,
    raw: ratio,
    mean: ratio - (slope * (x / units - meanX)) / meanD,
    variance: left / units / meanD ** 2,
  };
}

function total<One>(all: readonly One[], of: (one: One) => number): number {
  return all.reduce((sum, one) => sum + of(one), 0);
}
