import { softmaxInPlace } from "../embedding/softmax.ts";
import { rehash32 } from "../kernel/hash.ts";
import type { HeldOutScores } from "./held-out-scores.ts";
import { logPriorOf } from "./log-prior.ts";
import type { Calibration } from "./published-profiles.ts";
import { kappaAt } from "./scorer.ts";

const SALT = { vote: 0x766f7465, keep: 0x6b656570 } as const;

/**
 * One sample of each held-out user, drawn by their number: a user's samples at several lengths of history are not
 * independent, and bounds count independent ones.
 *
 * @returns Indexes of samples, in the order of the users' first ones.
 */
export function oneSampleEach({ users }: Pick<HeldOutScores, "users">): number[] {
  const samplesOf = new Map<number, number[]>();
  for (const [sample, user] of users.entries()) {
    const held = samplesOf.get(user);
    if (held === undefined) samplesOf.set(user, [sample]);
    else held.push(sample);
  }
  return [...samplesOf].map(([user, samples]) => samples[rehash32(user, SALT.vote) % samples.length]!);
}

/**
 * One sample of each user in each of some bins, drawn likewise.
 *
 * @param binOf - Bin of a sample, from 0.
 * @returns By bin.
 */
export function oneSampleEachIn(
  { users }: Pick<HeldOutScores, "users">,
  bins: number,
  binOf: (sample: number) => number,
): number[][] {
  const samplesIn = Array.from({ length: bins }, (): number[] => []);
  for (const sample of users.keys()) samplesIn[binOf(sample)]!.push(sample);
  return samplesIn.map((samples) => {
    const own = Uint32Array.from(samples, (sample) => users[sample]!);
    return oneSampleEach({ users: own }).map((at) => samples[at]!);
  });
}

/**
 * Keeps some of the users so that the classes have other shares than they had: what is counted on them holds for those.
 *
 * @param samples - One of each user.
 * @param classOf - Class of a sample.
 * @param shares - Shares to be had; shape [classes]. A class that nobody has can't be given any.
 * @see von Neumann 1951: rejection sampling.
 */
export function withShares(
  samples: readonly number[],
  { users }: Pick<HeldOutScores, "users">,
  classOf: (sample: number) => number,
  shares: readonly number[],
): number[] {
  const counts = shares.map(() => 0);
  for (const sample of samples) counts[classOf(sample)]! += 1;
  const weights = shares.map((share, k) => (counts[k]! === 0 ? 0 : share / counts[k]!));
  const heaviest = Math.max(...weights);
  return samples.filter(
    (sample) => (rehash32(users[sample]!, SALT.keep) / 2 ** 32) * heaviest < weights[classOf(sample)]!,
  );
}

/** Writes a sample's probabilities; "none" is last, 0 in an independent map. Shape [segments + 1]. */
export type Predict = (sample: number, out: Float64Array) => void;

/**
 * Tells held-out samples as {@link import("./scorer.ts").scoreInto} would tell users of these similarities.
 */
export function predictionOf(calibration: Calibration, heldOut: HeldOutScores): Predict {
  const { segments, similarities, evidence, mode, offsets } = heldOut;
  const { intercepts, noneIntercept, slopes, prior } = calibration;
  const shifted = prior === undefined ? undefined : logPriorOf(prior, mode);
  return (sample, out) => {
    const trust = Math.min(1, evidence[sample]!);
    const kappa = kappaAt(calibration, evidence[sample]!);
    const priors = shifted ?? heldOut.logPriors;
    const priorsAt = shifted === undefined ? sample * (segments + 1) : 0;
    for (let k = 0; k < segments; k++) {
      const told = kappa * (slopes?.[k] ?? 1) * similarities[sample * segments + k]! + intercepts[k]!;
      out[k] = trust * told + priors[priorsAt + k]!;
    }
    out[segments] = trust * noneIntercept + priors[priorsAt + segments]!;
    if (offsets !== undefined)
      for (let k = 0; k <= segments; k++) out[k]! += offsets[sample * (segments + 1) + k]!;
    if (mode === "exclusive") softmaxInPlace(out);
    else sigmoids(out, segments);
  };
}

function sigmoids(logits: Float64Array, segments: number): void {
  for (let k = 0; k < segments; k++) logits[k] = 1 / (1 + Math.exp(-logits[k]!));
  logits[segments] = 0;
}
