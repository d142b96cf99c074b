/** Distance, in log odds, between entering and leaving: a user at the threshold does not flicker. */
const GAP_LOG_ODDS = 0.7;

/** Probability below which a segment stops to resonate: sigmoid(logit(enter) - 0.7). */
export function leaveThreshold(enter: number): number {
  const odds = (enter / (1 - enter)) * Math.exp(-GAP_LOG_ODDS);
  return odds / (1 + odds);
}
