/** A distribution as plain data: how many values fell into each bucket, and their sum. */
export type BucketFigures = Readonly<{ counts: readonly number[]; sum: number }>;

/** Counts values by size: a histogram whose buckets are fixed. Counting allocates nothing. */
export class BucketCounts {
  /** Upper ends of the buckets, inclusive and rising; what is above the last one is counted in one more. */
  readonly ends: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(ends: readonly number[]) {
    this.ends = ends;
    this.#counts = new Float64Array(ends.length + 1);
  }

  /** Counts a value, >= 0. */
  observe(value: number): void {
    const { ends } = this;
    let bucket = 0;
    while (bucket < ends.length && value > (ends[bucket] ?? 0)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += value;
  }

  /** Shape [buckets + 1], not cumulative. */
  figures(): BucketFigures {
    return { counts: [...this.#counts], sum: this.#sum };
  }
}
