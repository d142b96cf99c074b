import { leaveThreshold } from "./hysteresis.ts";
import { GRID_SIZE, gridThreshold } from "./precision-curve.ts";

/** Who would move if a segment started to resonate at another probability, of some users. Counts of several shards add up. */
export type ThresholdMoves = Readonly<{
  users: number;
  /** Users for whom it resonates now. */
  resonating: number;
  /** Others, for whom it would with a threshold at {@link gridThreshold} of the index; shape [GRID_SIZE], falls. */
  entering: readonly number[];
  /** Those of `resonating` for whom it would no more; shape [GRID_SIZE], rises. */
  leaving: readonly number[];
}>;

export const NO_MOVES: ThresholdMoves = {
  users: 0,
  resonating: 0,
  entering: Array.from({ length: GRID_SIZE }, () => 0),
  leaving: Array.from({ length: GRID_SIZE }, () => 0),
};

/** Counts users by where thresholds would move them. */
export class MoveCounter {
  readonly #entering = new Int32Array(GRID_SIZE);
  readonly #leaving = new Int32Array(GRID_SIZE);
  #users = 0;
  #resonating = 0;

  /**
   * @param probability - In [0, 1].
   * @param isResonating - Whether the segment resonates for them now.
   * @param mayEnter - Whether there is enough evidence for it to start.
   */
  add(probability: number, isResonating: boolean, mayEnter: boolean): void {
    this.#users++;
    if (isResonating) {
      this.#resonating++;
      for (let i = GRID_SIZE - 1; i >= 0 && probability < LEAVES[i]!; i--) this.#leaving[i]! += 1;
    } else if (mayEnter) {
      for (let i = 0; i < GRID_SIZE && probability >= gridThreshold(i); i++) this.#entering[i]! += 1;
    }
  }

  moves(): ThresholdMoves {
    const [users, resonating] = [this.#users, this.#resonating];
    return { users, resonating, entering: [...this.#entering], leaving: [...this.#leaving] };
  }
}

const LEAVES = Float64Array.from({ length: GRID_SIZE }, (_, i) => leaveThreshold(gridThreshold(i)));

/** The counts of two together. */
export function addThresholdMoves(some: ThresholdMoves, more: ThresholdMoves): ThresholdMoves {
  return {
    users: some.users + more.users,
    resonating: some.resonating + more.resonating,
    entering: some.entering.map((count, i) => count + (more.entering[i] ?? 0)),
    leaving: some.leaving.map((count, i) => count + (more.leaving[i] ?? 0)),
  };
}
