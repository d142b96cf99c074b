import { lowerBound, upperBound } from "./precision-bound.ts";
import { isOff, type Thresholds } from "./thresholds.ts";

/** What thresholds are worth on users whose segments are known. */
export type ThresholdReport = Readonly<{
  users: number;
  /** Segments whose threshold is on. */
  on: number;
  /** Pairs of user and segment that passed, and those of them where the user belongs. */
  accepted: number;
  correct: number;
  /** Share of the users who passed for some segment. */
  reach: number;
  /** correct / accepted with its bounds; null if nobody passed. */
  precision: Readonly<{ value: number; lower: number; upper: number }> | null;
}>;

/** What a report is made of: those of several splits add up. */
export type ThresholdCounts = Readonly<
  Pick<ThresholdReport, "users" | "on" | "accepted" | "correct"> & {
    /** Users who passed for some segment. */
    reached: number;
  }
>;

/** Counts who would start to resonate, and whether they belong. */
export class ThresholdTally {
  readonly #thresholds: Thresholds;
  #users = 0;
  #reached = 0;
  #accepted = 0;
  #correct = 0;

  constructor(thresholds: Thresholds) {
    this.#thresholds = thresholds;
  }

  /**
   * @param probabilities - By segment; "none" behind them is not looked at.
   * @param evidence - Effective events.
   * @param label - Index of the segment, or -1.
   */
  add(probabilities: ArrayLike<number>, evidence: number, label: number): void {
    const { enter, minEvidence } = this.#thresholds;
    const before = this.#accepted;
    for (let k = 0; k < enter.length; k++) {
      if (!(probabilities[k]! >= enter[k]!) || evidence < minEvidence[k]!) continue;
      this.#accepted++;
      if (k === label) this.#correct++;
    }
    this.#users++;
    if (this.#accepted > before) this.#reached++;
  }

  counts(): ThresholdCounts {
    return {
      users: this.#users,
      on: [...this.#thresholds.enter.keys()].filter((k) => !isOff(this.#thresholds, k)).length,
      accepted: this.#accepted,
      correct: this.#correct,
      reached: this.#reached,
    };
  }
}

/**
 * What some counts say together.
 *
 * @param confidence - Of each of the two bounds, one-sided, in (0, 1).
 */
export function thresholdReport(counts: readonly ThresholdCounts[], confidence = 0.95): ThresholdReport {
  const sum = (of: keyof ThresholdCounts): number => counts.reduce((all, one) => all + one[of], 0);
  const [users, accepted, correct] = [sum("users"), sum("accepted"), sum("correct")];
  const precision =
    accepted === 0
      ? null
      : {
          value: correct / accepted,
          lower: lowerBound(correct, accepted, confidence),
          upper: upperBound(correct, accepted, confidence),
        };
  return {
    users,
    on: sum("on"),
    accepted,
    correct,
    reach: users === 0 ? 0 : sum("reached") / users,
    precision,
  };
}
