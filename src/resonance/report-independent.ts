import type { HeldOutScores } from "./held-out-scores.ts";
import { predictionOf } from "./held-out-votes.ts";
import { auc } from "./metrics.ts";
import type { Calibration } from "./published-profiles.ts";
import { gapOf, reliabilityCurve } from "./reliability.ts";

/** How well the sigmoids of an independent map tell held-out users, after the whole of their history. */
export type IndependentReport = Readonly<{
  /** Users with or without a segment: each is asked about every one. */
  members: number;
  /** Summed over the segments. */
  logLoss: number;
  /** Of the segments' base rates alone. */
  priorLogLoss: number;
  /** Mean over the segments that can be measured; null if there are none. */
  auc: number | null;
  /** Expected calibration error of all segments' probabilities, 15 bins of equal mass. */
  ece: number;
}>;

/** @returns Undefined without users. */
export function reportIndependent(
  calibration: Calibration,
  heldOut: HeldOutScores,
): IndependentReport | undefined {
  const { segments, labels, users } = heldOut;
  // The last sample of a user is the whole history.
  const whole = [...users.keys()].filter((sample) => users[sample] !== users[sample + 1]);
  if (whole.length === 0) return undefined;
  const predict = predictionOf(calibration, heldOut);
  const intercepts = Array.from({ length: segments }, () => 0);
  const prior = predictionOf({ ...calibration, kappa: [0], intercepts }, heldOut);
  const [told, expected] = [predict, prior].map((tell) =>
    whole.map((sample) => {
      const out = new Float64Array(segments + 1);
      tell(sample, out);
      return out;
    }),
  ) as [Float64Array[], Float64Array[]];
  const isRight = (row: number, k: number): boolean => labels[whole[row]!] === k;
  const lossOf = (probabilities: readonly Float64Array[]): number => {
    let loss = 0;
    for (const [row, out] of probabilities.entries())
      for (let k = 0; k < segments; k++)
        loss -= Math.log(Math.max(LEAST_PROBABILITY, isRight(row, k) ? out[k]! : 1 - out[k]!));
    return loss / whole.length;
  };
  const areas = Array.from({ length: segments }, (_, k) =>
    auc(
      told.map((out) => out[k]!),
      told.map((__, row) => isRight(row, k)),
    ),
  ).filter((area) => !Number.isNaN(area));
  const claims = told.flatMap((out, row) =>
    Array.from({ length: segments }, (_, k) => ({ probability: out[k]!, isRight: isRight(row, k) })),
  );
  return {
    members: whole.length,
    logLoss: lossOf(told),
    priorLogLoss: lossOf(expected),
    auc: areas.length === 0 ? null : areas.reduce((sum, area) => sum + area, 0) / areas.length,
    ece: gapOf(reliabilityCurve(claims)),
  };
}

const LEAST_PROBABILITY = 1e-15;
