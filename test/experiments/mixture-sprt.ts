import type { Estimate } from "../../src/experiments/confidence-sequence.ts";

/**
 * The e-value of the mixture sequential probability ratio test against no difference, which METHODS 4.4 compares with the
 * asymptotic confidence sequence.
 *
 * @param tau - Standard deviation of the differences that are looked for.
 * @see Johari et al., "Always valid inference", Operations Research 2022.
 */
export function mixtureSprt({ value, standardError }: Estimate, tau: number): number {
  const variance = standardError ** 2;
  const both = variance + tau ** 2;
  return Math.sqrt(variance / both) * Math.exp((tau ** 2 * value ** 2) / (2 * variance * both));
}
