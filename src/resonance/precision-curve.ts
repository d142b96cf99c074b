/**
 * How many held-out users each threshold of a grid would accept for one segment, and of how many that would be right.
 * Both fall along the grid.
 */
export type PrecisionCurve = Readonly<{
  /** Users that were asked, one vote each. */
  votes: number;
  /** Users whose probability is at least {@link gridThreshold} of the index; shape [GRID_SIZE]. */
  accepted: readonly number[];
  /** Those of them who belong to the segment; same shape. */
  correct: readonly number[];
  /**
   * The best that the precision can be at whichever length of history it is worst, as far as users of that length show: the least
   * of their upper bounds; same shape. Left out where the lengths were not looked at.
   */
  ceiling?: readonly number[];
}>;

/** Thresholds .01, .02 ... .99. */
export const GRID_SIZE = 99;

/** The threshold at an index of the grid. */
export function gridThreshold(index: number): number {
  return (index + 1) / (GRID_SIZE + 1);
}

/** Counts votes into the curve of one segment. */
export class PrecisionCounter {
  readonly #accepted = new Int32Array(GRID_SIZE);
  readonly #correct = new Int32Array(GRID_SIZE);
  #votes = 0;

  /** @param probability - In [0, 1]; 0 for a user who can't be accepted. */
  add(probability: number, isMember: boolean): void {
    this.#votes++;
    // The last threshold that it passes; compared as thresholds are compared when users are scored.
    let last = Math.min(GRID_SIZE, Math.floor(probability * (GRID_SIZE + 1)) + 1) - 1;
    while (last >= 0 && probability < gridThreshold(last)) last--;
    if (last < 0) return;
    this.#accepted[last]! += 1;
    if (isMember) this.#correct[last]! += 1;
  }

  curve(): PrecisionCurve {
    return { votes: this.#votes, accepted: fromAbove(this.#accepted), correct: fromAbove(this.#correct) };
  }
}

function fromAbove(counts: Int32Array): readonly number[] {
  let sum = 0;
  return Array.from(counts.toReversed(), (count) => {
    sum += count;
    return sum;
  }).reverse();
}
