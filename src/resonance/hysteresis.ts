/** Distance, in log odds, between entering and leaving: a user at the threshold does not flicker. */
const GAP_LOG_ODDS = 0.7;

/** Probability below which a segment stops to resonate: sigmoid(logit(enter) - 0.7). */
export function leaveThreshold(enter: number): number {
  const odds = (enter / (1 - enter)) * Math.exp(-GAP_LOG_ODDS);
  return odds / (1 + odds);
}

/**
 * Whether a segment resonates after a new probability.
 *
 * @param enter - In (0, 1).
 * @param minEvidence - Effective events below which nothing starts to resonate.
 * @see METHODS 2.5.
 */
export function nextResonating(
  was: boolean,
  probability: number,
  evidence: number,
  threshold: { readonly enter: number; readonly minEvidence: number },
): boolean {
  if (was) return probability >= leaveThreshold(threshold.enter);
  return probability >= threshold.enter && evidence >= threshold.minEvidence;
}
