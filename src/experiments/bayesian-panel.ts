import { normalCdf, normalDensity } from "../kernel/normal.ts";
import type { Estimate, Interval } from "./confidence-sequence.ts";

/**
 * What to believe of a relative lift, for display alone. Whoever stops at a chance to win of .95 or .05 is wrong in half of all
 * experiments without a difference (METHODS 4.4).
 */
export type BayesianPanel = Readonly<{
  /** The posterior's mean: the estimate, drawn towards 0. */
  lift: number;
  /** Holds the lift with a chance of .95. */
  credible: Interval;
  /** The chance that the lift is better than 0. */
  chanceToWin: number;
  /** The lift that is lost on average by choosing the arm, if it is worse. */
  expectedLoss: number;
}>;

/** Standard deviation of relative lifts before anything is known. @see GrowthBook's default. */
const PRIOR_SD = 0.3;
const Z_95 = 1.959963984540054;

/**
 * @param estimate - Of a relative lift; its standard error is above 0.
 * @param goal - Which way is better.
 */
export function bayesianPanel(estimate: Estimate, goal: "increase" | "decrease"): BayesianPanel {
  const trust = PRIOR_SD ** 2 / (PRIOR_SD ** 2 + estimate.standardError ** 2);
  const lift = trust * estimate.value;
  const sd = Math.sqrt(trust) * estimate.standardError;
  const gain = goal === "increase" ? lift : -lift;
  const z = gain / sd;
  return {
    lift,
    credible: { lower: lift - Z_95 * sd, upper: lift + Z_95 * sd },
    chanceToWin: normalCdf(z),
    expectedLoss: sd * normalDensity(z) - gain * normalCdf(-z),
  };
}
