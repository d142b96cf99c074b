import type { HeldOutScores } from "./held-out-scores.ts";
import { predictionOf } from "./held-out-votes.ts";
import { shiftedPrior } from "./prior-shift.ts";
import type { Calibration } from "./published-profiles.ts";

/** What anonymous users look like in one map. */
export type TrafficSample = Readonly<{
  /** Shape [users, segments]. */
  similarities: Float64Array;
  /** Effective events; shape [users]. */
  evidence: Float64Array;
}>;

/** Users below which the members' shares stay. */
export const TRAFFIC_USERS_MIN = 200;
/** Users of the members' shares that are added: where similarities tell little, few users must not move much. */
const PSEUDO_USERS = 100;

/**
 * Estimates the segments' shares among anonymous users.
 *
 * @param logPrior - The members', as a scorer has it.
 * @returns As {@link Calibration.prior}; undefined if there are too few users.
 */
export function trafficPrior(
  calibration: Calibration,
  { similarities, evidence }: TrafficSample,
  logPrior: Float64Array,
  mode: HeldOutScores["mode"],
): readonly number[] | undefined {
  const users = evidence.length;
  if (users < TRAFFIC_USERS_MIN) return undefined;
  const segments = logPrior.length - 1;
  const { prior: _, ...underMembers } = calibration;
  const predict = predictionOf(underMembers, {
    segments,
    mode,
    similarities,
    evidence,
    labels: new Int16Array(users).fill(-1),
    users: Uint32Array.from({ length: users }, (_, user) => user),
    logPriors: Float64Array.from({ length: users * (segments + 1) }, (_, i) => logPrior[i % (segments + 1)]!),
  });
  const row = new Float64Array(segments + 1);
  const posteriors = new Float64Array(users * (segments + 1));
  for (let user = 0; user < users; user++) {
    predict(user, row);
    posteriors.set(row, user * (segments + 1));
  }
  const given = { pseudoUsers: PSEUDO_USERS };
  if (mode === "exclusive") return shiftedPrior([...logPrior].map(Math.exp), posteriors, given);
  return Array.from({ length: segments }, (_, k) => {
    const rate = 1 / (1 + Math.exp(-logPrior[k]!));
    const asked = Float64Array.from({ length: users * 2 }, (_, i) => {
      const p = posteriors[(i >> 1) * (segments + 1) + k]!;
      return i % 2 === 0 ? p : 1 - p;
    });
    return shiftedPrior([rate, 1 - rate], asked, given)[0]!;
  });
}
