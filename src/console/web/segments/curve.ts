import type { ServedCurve } from "../../../resonance/served-curve.ts";

/** What a threshold is worth. */
export type CurvePoint = Readonly<{ threshold: number; share: number; precision: number; bound: number }>;

/**
 * What a threshold would be worth by a curve: as the next one told above it, since those left out change nothing.
 *
 * @returns Undefined beyond the last: nobody passed that.
 */
export function pointAt(curve: ServedCurve, threshold: number): CurvePoint | undefined {
  const at = curve.threshold.findIndex((told) => told >= threshold - 1e-9);
  if (at < 0) return undefined;
  return {
    threshold: curve.threshold[at] ?? 0,
    share: curve.share[at] ?? 0,
    precision: curve.precision[at] ?? 0,
    bound: curve.bound[at] ?? 0,
  };
}
