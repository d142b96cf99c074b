import {
  accuracy,
  balancedAccuracy,
  brierScore,
  calibrationError,
  calibrationErrorByChance,
  logLoss,
  logLossGain,
  macroAuc,
} from "../../resonance/metrics.ts";

/** What the masked users' scores at one depth of history are worth. */
export type DepthReport = Readonly<{
  /** Events seen of each user, or "all" at the end. */
  depth: number | "all";
  users: number;
  /** Macro one-vs-rest; null if fewer than two segments have users. */
  auc: number | null;
  accuracy: number;
  balancedAccuracy: number;
  logLoss: number;
  brier: number;
  /** Confidence ECE over 15 bins of equal mass. */
  ece: number;
  /** What perfectly calibrated confidences would show on as many users, by chance. */
  eceByChance: number;
  /** How much lower the log-loss is than the prior's, with its standard error. */
  gain: Readonly<{ mean: number; standardError: number }>;
  /** The same users told by the members' frequencies alone, at the same moments. */
  prior: Readonly<{ logLoss: number; accuracy: number }>;
}>;

const ECE_BINS = 15;

/** Gathers scores of masked users at one depth. */
export class DepthScores {
  readonly #probabilities: Float64Array[] = [];
  readonly #priors: Float64Array[] = [];
  readonly #labels: number[] = [];

  /**
   * @param probabilities - Shape [segments + 1]: the distribution, "none" last.
   * @param prior - Same shape: the distribution without evidence.
   * @param label - Index of the true segment.
   */
  add(probabilities: Float64Array, prior: Float64Array, label: number): void {
    this.#probabilities.push(probabilities);
    this.#priors.push(prior);
    this.#labels.push(label);
  }

  get users(): number {
    return this.#labels.length;
  }

  /** Measures what was gathered; at least one user. */
  report(depth: number | "all", segments: number): DepthReport {
    const scores = this.#probabilities;
    const labels = this.#labels;
    const auc = macroAuc(scores, labels, segments);
    return {
      depth,
      users: labels.length,
      auc: Number.isNaN(auc) ? null : auc,
      accuracy: accuracy(scores, labels),
      balancedAccuracy: balancedAccuracy(scores, labels),
      logLoss: logLoss(scores, labels),
      brier: brierScore(scores, labels),
      ece: calibrationError(scores, labels, ECE_BINS),
      eceByChance: calibrationErrorByChance(scores, ECE_BINS),
      gain: logLossGain(scores, this.#priors, labels),
      prior: { logLoss: logLoss(this.#priors, labels), accuracy: accuracy(this.#priors, labels) },
    };
  }
}
