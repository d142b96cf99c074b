/** Patience that a refused sender is asked for, at least and at most, ms. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 30_000;

/**
 * Whether one shard's log may grow. Behind a bound more is refused, until half of that is folded: without the distance
 * between the two each entry that is folded would let one in, and senders would be turned away and back all the time.
 */
export class Admission {
  readonly #lagMax: number;
  /** Newest sequence that the log is known to have, and that the shard is known to have folded; undefined before it told. */
  #last = 0;
  #applied: number | undefined;
  #toldMs = 0;
  /** Entries folded in a millisecond, by the last two words of the shard. */
  #perMs = 0;
  #isRefusing = false;

  /** @param lagMax - Log messages behind which a shard is full, > 0; Infinity for no bound. */
  constructor(lagMax: number) {
    this.#lagMax = lagMax;
  }

  get isRefusing(): boolean {
    return this.#isRefusing;
  }

  /** Log messages that are not folded yet, as far as is known. */
  get lag(): number {
    return this.#applied === undefined ? 0 : Math.max(0, this.#last - this.#applied);
  }

  /** A message was stored at a sequence. */
  appended(sequence: number): void {
    this.#last = Math.max(this.#last, sequence);
    this.#judge();
  }

  /** The shard has told how far it is, and how much it knows to be left. */
  told({ applied, lag }: Readonly<{ applied: number; lag: number }>, nowMs: number): void {
    if (this.#applied !== undefined && nowMs > this.#toldMs)
      this.#perMs = Math.max(0, applied - this.#applied) / (nowMs - this.#toldMs);
    this.#applied = applied;
    this.#toldMs = nowMs;
    this.#last = Math.max(this.#last, applied + lag);
    this.#judge();
  }

  /** How long a sender should wait, ms; 0 if the shard takes more. */
  get retryAfterMs(): number {
    if (!this.#isRefusing) return 0;
    const over = this.lag - this.#lagMax / 2;
    return Math.round(Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, over / this.#perMs)));
  }

  #judge(): void {
    const { lag } = this;
    if (lag > this.#lagMax) this.#isRefusing = true;
    else if (lag <= this.#lagMax / 2) this.#isRefusing = false;
  }
}
