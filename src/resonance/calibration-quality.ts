import type { HeldOutScores } from "./held-out-scores.ts";
import { oneSampleEach, predictionOf, withShares } from "./held-out-votes.ts";
import { PrecisionCounter } from "./precision-curve.ts";
import type { Calibration, CalibrationQuality } from "./published-profiles.ts";
import { gapOf, reliabilityCurve } from "./reliability.ts";

type Claim = { probability: number; isRight: boolean };

const LEAST_PROBABILITY = 1e-15;

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
  const { prior } = calibration;
  const gathered =
    heldOut.mode === "exclusive"
      ? gatherExclusive(calibration, heldOut, minEvidence)
      : gatherIndependent(calibration, heldOut, minEvidence);
  const reliability = reliabilityCurve(gathered.claims);
  return {
    prior: prior === undefined ? "members" : "traffic",
    users: gathered.users,
    logLoss: gathered.users === 0 ? 0 : gathered.loss / gathered.users,
    ece: gapOf(reliability),
    reliability,
    curves: gathered.counters.map((counter) => counter.curve()),
  };
}

type Gathered = Readonly<{ users: number; loss: number; claims: Claim[]; counters: PrecisionCounter[] }>;

function gatherExclusive(
  calibration: Calibration,
  heldOut: HeldOutScores,
  minEvidence: readonly number[],
): Gathered {
  const { segments, labels, evidence } = heldOut;
  const classOf = (sample: number): number => (labels[sample]! < 0 ? segments : labels[sample]!);
  const all = oneSampleEach(heldOut);
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
  return { users: samples.length, loss, claims, counters };
}

function gatherIndependent(
  calibration: Calibration,
  heldOut: HeldOutScores,
  minEvidence: readonly number[],
): Gathered {
  const { segments, labels, evidence } = heldOut;
  const all = oneSampleEach(heldOut);
  const { prior } = calibration;
  const predict = predictionOf(calibration, heldOut);
  const probabilities = new Float64Array(segments + 1);
  const counters = Array.from({ length: segments }, () => new PrecisionCounter());
  const claims: Claim[] = [];
  let loss = 0;
  // Each segment has a base rate of its own, and so users of its own that make it up.
  const kept = Array.from({ length: segments }, (_, k) => {
    if (prior === undefined) return undefined;
    const rate = prior[k]!;
    return new Set(withShares(all, heldOut, (sample) => (labels[sample] === k ? 0 : 1), [rate, 1 - rate]));
  });
  for (const sample of all) {
    predict(sample, probabilities);
    for (const [k, counter] of counters.entries()) {
      if (kept[k]?.has(sample) === false) continue;
      const probability = probabilities[k]!;
      const isRight = labels[sample] === k;
      claims.push({ probability, isRight });
      loss -= Math.log(Math.max(LEAST_PROBABILITY, isRight ? probability : 1 - probability));
      counter.add(evidence[sample]! < minEvidence[k]! ? 0 : probability, isRight);
    }
  }
  return { users: all.length, loss, claims, counters };
}
