/** Numbers of a visitor's first events at which methods are compared; the last is the whole history. */
export const COMPARED_DEPTHS = [1, 5, 10, 20, 50, Number.POSITIVE_INFINITY] as const;

/** A depth as it is written in results. */
export type DepthName = number | "all";

export function depthName(depth: number): DepthName {
  return Number.isFinite(depth) ? depth : "all";
}

/** Depths at which answers with and without the context of a first visit are compared: before any event, too. */
export const CONTEXT_DEPTHS = [0, ...COMPARED_DEPTHS] as const;

/** Probabilities of some users at each of some depths, by one method. */
export class DepthScores {
  readonly users: number;
  readonly segments: number;
  /** One of shape [users, segments] for each of the depths. */
  readonly byDepth: readonly Float64Array[];

  constructor(users: number, segments: number, depths: readonly number[] = COMPARED_DEPTHS) {
    this.users = users;
    this.segments = segments;
    this.byDepth = depths.map(() => new Float64Array(users * segments));
  }

  /** Keeps a user's distribution among the segments, without "none"; shape of `probabilities`: [segments] or longer. */
  put(depth: number, user: number, probabilities: Float64Array): void {
    const row = this.byDepth[depth]!;
    const at = user * this.segments;
    let sum = 0;
    for (let k = 0; k < this.segments; k++) sum += probabilities[k]!;
    for (let k = 0; k < this.segments; k++) row[at + k] = probabilities[k]! / sum;
  }
}
