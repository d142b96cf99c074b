/**
 * Log priors as a scorer has them: logs of shares, "none" last, or the log odds of each base rate and then 0.
 *
 * @param prior - In (0, 1).
 */
export function logPriorOf(prior: readonly number[], mode: "exclusive" | "independent"): Float64Array {
  if (mode === "exclusive") return Float64Array.from(prior, Math.log);
  return Float64Array.from([...prior.map((rate) => Math.log(rate / (1 - rate))), 0]);
}
