import { incompleteBeta } from "./incomplete-beta.ts";

/**
 * The distribution function of Student's t distribution.
 *
 * @param degrees - Degrees of freedom, > 0; they need not be whole (Welch).
 */
export function studentTCdf(t: number, degrees: number): number {
  const tail = incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2;
  return t > 0 ? 1 - tail : tail;
}
