import type { HeldOutScores } from "./held-out-scores.ts";
import { oneSampleEach, oneSampleEachIn, predictionOf, withShares } from "./held-out-votes.ts";
import { upperBound } from "./precision-bound.ts";
import { PrecisionCounter, type PrecisionCurve } from "./precision-curve.ts";
import type { Calibration, CalibrationQuality } from "./published-profiles.ts";
import { gapOf, reliabilityCurve } from "./reliability.ts";
import { kappaAt } from "./scorer.ts";

type Claim = { probability: number; isRight: boolean };

const LEAST_PROBABILITY = 1e-15;
/** Upper ends of the lengths of history, in effective events: one event tells much less than two, with one temperature. */
const LENGTH_ENDS = [1, 2, 5, 10, 25, Number.POSITIVE_INFINITY] as const;
/**
 * Of the bounds by which users of one length of history may refute a threshold, if there are so many: the middle, since it is
 * only asked for whole lengths that it holds where the others do.
 */
const REFUTED_CONFIDENCE = 0.5;
const REFUTING_USERS = 20;
const CEILING_DECIMALS = 1e3;
/** Claims that a reliability curve is made of: of very many pairs of user and segment, evenly spaced ones. */
const CLAIMS_MAX = 200_000;

/**
 * How well a calibration tells held-out users: log-loss, reliability, and what each threshold would be worth.
 *
 * With a prior of the traffic's, users are left out so that the segments' shares among the others are the traffic's.
 *
 * @param minEvidence - By segment: effective events below which nobody is accepted.
 */
export function calibrationQuality(
  calibration: Calibration,
  heldOut: HeldOutScores,
  minEvidence: readonly number[],
): CalibrationQuality {
  const gather = (samples: readonly number[]): Gathered => {
    const asked = { calibration, heldOut, minEvidence, samples };
    return heldOut.mode === "exclusive" ? gatherExclusive(asked) : gatherIndependent(asked);
  };
  const { users, loss, claims, curves } = gather(oneSampleEach(heldOut));
  const depths = { depthEnds: LENGTH_ENDS, kappa: LENGTH_ENDS.map((_, bin) => bin) };
  const binOf = (sample: number): number => kappaAt(depths, heldOut.evidence[sample]!);
  const byDepth = oneSampleEachIn(heldOut, LENGTH_ENDS.length, binOf).map(
    (samples) => gather(samples).curves,
  );
  const reliability = reliabilityCurve(claims);
  return {
    prior: calibration.prior === undefined ? "members" : "traffic",
    users,
    logLoss: users === 0 ? 0 : loss / users,
    ece: gapOf(reliability),
    reliability,
    curves: curves.map((curve, k) => ({ ...curve, ceiling: ceilingOf(byDepth.map((depth) => depth[k]!)) })),
  };
}

/** At each threshold the least upper bound of the precision over the lengths of history. */
function ceilingOf(curves: readonly PrecisionCurve[]): readonly number[] {
  const [first] = curves;
  return (first?.accepted ?? []).map((_, index) => {
    const bounds = curves.map(({ accepted, correct }) =>
      accepted[index]! < REFUTING_USERS
        ? 1
        : upperBound(correct[index]!, accepted[index]!, REFUTED_CONFIDENCE),
    );
    return Math.round(Math.min(...bounds) * CEILING_DECIMALS) / CEILING_DECIMALS;
  });
}

type Asked = Readonly<{
  calibration: Calibration;
  heldOut: HeldOutScores;
  minEvidence: readonly number[];
  /** One of each user. */
  samples: readonly number[];
}>;

type Gathered = Readonly<{ users: number; loss: number; claims: Claim[]; curves: readonly PrecisionCurve[] }>;

function gatherExclusive({ calibration, heldOut, minEvidence, samples: all }: Asked): Gathered {
  const { segments, labels, evidence } = heldOut;
  const classOf = (sample: number): number => (labels[sample]! < 0 ? segments : labels[sample]!);
  const { prior } = calibration;
  const samples = prior === undefined ? all : withShares(all, heldOut, classOf, prior);
  const predict = predictionOf(calibration, heldOut);
  const probabilities = new Float64Array(segments + 1);
  const counters = Array.from({ length: segments }, () => new PrecisionCounter());
  const claims: Claim[] = [];
  let loss = 0;
  for (const sample of samples) {
    predict(sample, probabilities);
    const truth = classOf(sample);
    let top = 0;
    for (let k = 0; k <= segments; k++) if (probabilities[k]! > probabilities[top]!) top = k;
    claims.push({ probability: probabilities[top]!, isRight: top === truth });
    loss -= Math.log(Math.max(LEAST_PROBABILITY, probabilities[truth]!));
    for (const [k, counter] of counters.entries())
      counter.add(evidence[sample]! < minEvidence[k]! ? 0 : probabilities[k]!, k === truth);
  }
  return { users: samples.length, loss, claims, curves: counters.map((counter) => counter.curve()) };
}

function gatherIndependent({ calibration, heldOut, minEvidence, samples }: Asked): Gathered {
  const { segments, labels, evidence } = heldOut;
  const { prior } = calibration;
  const predict = predictionOf(calibration, heldOut);
  const probabilities = new Float64Array(segments + 1);
  const counters = Array.from({ length: segments }, () => new PrecisionCounter());
  const claims: Claim[] = [];
  const every = Math.ceil((samples.length * segments) / CLAIMS_MAX);
  let pairs = 0;
  let loss = 0;
  // Each segment has a base rate of its own, and so users of its own that make it up.
  const kept = Array.from({ length: segments }, (_, k) => {
    if (prior === undefined) return undefined;
    const rate = prior[k]!;
    return new Set(
      withShares(samples, heldOut, (sample) => (labels[sample] === k ? 0 : 1), [rate, 1 - rate]),
    );
  });
  for (const sample of samples) {
    predict(sample, probabilities);
    for (const [k, counter] of counters.entries()) {
      if (kept[k]?.has(sample) === false) continue;
      const probability = probabilities[k]!;
      const isRight = labels[sample] === k;
      if (pairs++ % every === 0) claims.push({ probability, isRight });
      loss -= Math.log(Math.max(LEAST_PROBABILITY, isRight ? probability : 1 - probability));
      counter.add(evidence[sample]! < minEvidence[k]! ? 0 : probability, isRight);
    }
  }
  return { users: samples.length, loss, claims, curves: counters.map((counter) => counter.curve()) };
}
