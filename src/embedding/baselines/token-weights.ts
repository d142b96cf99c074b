import type { Indicators } from "./token-indicators.ts";

/** What a counting model knows: a row of numbers for each token, which are added up as a user goes on. */
export type TokenWeights = Readonly<{
  segments: number;
  /** Before any token; shape [segments]. */
  start: Float64Array;
  /** Shape [tokens, segments]. */
  rows: Float64Array;
  /** Divides the sums by the root of the sum of these, as a cosine does; shape [tokens]. */
  squares?: Float64Array;
}>;

/**
 * A user's scores as events come: each token of theirs is added once.
 *
 * @see TokenWeights
 */
export class RunningScores {
  readonly #weights: TokenWeights;
  readonly #sums: Float64Array;
  #squares = 0;

  constructor(weights: TokenWeights) {
    this.#weights = weights;
    this.#sums = new Float64Array(weights.segments);
  }

  reset(): void {
    this.#sums.set(this.#weights.start);
    this.#squares = 0;
  }

  /** Adds a token that the user had not used before. */
  add(token: number): void {
    const { segments, rows, squares } = this.#weights;
    const from = token * segments;
    for (let k = 0; k < segments; k++) this.#sums[k]! += rows[from + k]!;
    if (squares !== undefined) this.#squares += squares[token]!;
  }

  /** Writes the scores to `out[at .. at + segments)`. */
  write(out: Float64Array, at: number): void {
    const scale = this.#squares > 0 ? 1 / Math.sqrt(this.#squares) : 1;
    for (let k = 0; k < this.#sums.length; k++) out[at + k] = this.#sums[k]! * scale;
  }
}

/**
 * Scores a user after some numbers of events.
 *
 * @param depths - Rising.
 * @param write - Receives the index of each depth, while the running scores are those at that depth.
 */
export function walkUser(
  { at, ids, events }: Indicators,
  user: number,
  depths: readonly number[],
  scores: RunningScores,
  write: (depth: number) => void,
): void {
  scores.reset();
  let place = at[user]!;
  const end = at[user + 1]!;
  for (const [d, depth] of depths.entries()) {
    while (place < end && events[place]! <= depth) scores.add(ids[place++]!);
    write(d);
  }
}
