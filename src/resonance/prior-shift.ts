/** What the estimate is held to. */
export type PriorShiftOptions = Readonly<{
  /** Share of the way that each round goes, in (0, 1]: more damping is slower and ends at the same place. */
  damping: number;
  /** No class has less. */
  floor: number;
  /** Users of the training shares that are added to those observed: posteriors that tell nothing then change nothing. */
  pseudoUsers: number;
}>;

const DEFAULTS: PriorShiftOptions = { damping: 0.5, floor: 1e-3, pseudoUsers: 0 };
const ROUNDS_MAX = 1_000;
const CONVERGED = 1e-9;

/**
 * The classes' shares among users of whom only posteriors are known, which were told under other shares: expectation
 * maximisation. It assumes that a class behaves alike in both, only their numbers differ.
 *
 * @param train - Shares under which the posteriors were told, > 0; shape [classes], sum 1.
 * @param posteriors - Shape [users, classes].
 * @returns Shape [classes], sum 1.
 * @see Saerens, Latinne and Decaestecker, Neural Computation 2002; METHODS 2.3.
 */
export function shiftedPrior(
  train: readonly number[],
  posteriors: Float64Array,
  given: Partial<PriorShiftOptions> = {},
): number[] {
  const { damping, floor, pseudoUsers } = { ...DEFAULTS, ...given };
  const classes = train.length;
  const users = posteriors.length / classes;
  let shares = [...train];
  if (users === 0) return shares;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const sums = train.map((share) => share * pseudoUsers);
    for (let u = 0; u < users; u++) addResponsibilities(posteriors, u * classes, { train, shares, sums });
    const all = users + pseudoUsers;
    const next = atLeast(
      shares.map((share, k) => (1 - damping) * share + (damping * sums[k]!) / all),
      floor,
    );
    const moved = Math.max(...next.map((share, k) => Math.abs(share - shares[k]!)));
    shares = next;
    if (moved < CONVERGED) break;
  }
  return shares;
}

/** A user's posterior under the present shares, added to the sums. */
function addResponsibilities(
  posteriors: Float64Array,
  at: number,
  of: Readonly<{ train: readonly number[]; shares: readonly number[]; sums: number[] }>,
): void {
  const { train, shares, sums } = of;
  let total = 0;
  for (let k = 0; k < train.length; k++) total += (posteriors[at + k]! * shares[k]!) / train[k]!;
  if (!(total > 0)) return;
  for (let k = 0; k < train.length; k++) sums[k]! += (posteriors[at + k]! * shares[k]!) / train[k]! / total;
}

function atLeast(shares: readonly number[], floor: number): number[] {
  const lifted = shares.map((share) => Math.max(floor, share));
  const sum = lifted.reduce((all, share) => all + share, 0);
  return lifted.map((share) => share / sum);
}
