/** Bytes taken from the system at once: an allocation of its own for each user costs more than folding an event. */
const BLOCK_BYTES = 64 * 1024;
const SLOT_BYTES = 8;
/** Larger runs are rare enough to be allocated by themselves. */
const POOLED_SLOTS_MAX = 1_024;
/** Free runs kept of one length. */
const FREE_MAX = 4_096;

/**
 * Memory of the contexts of one thread: runs of float64 slots, cut from blocks and used again once a context leaves
 * memory. A run that is given back must not be used any more by who gave it.
 */
class ContextMemory {
  #block = new ArrayBuffer(0);
  #used = 0;
  /** By length. */
  readonly #free: Float64Array[][] = [];

  /** A run of zeros. */
  take(slots: number): Float64Array {
    if (slots > POOLED_SLOTS_MAX) return new Float64Array(slots);
    const free = this.#free[slots]?.pop();
    if (free !== undefined) return free.fill(0);
    const bytes = slots * SLOT_BYTES;
    if (this.#used + bytes > this.#block.byteLength) {
      this.#block = new ArrayBuffer(BLOCK_BYTES);
      this.#used = 0;
    }
    const run = new Float64Array(this.#block, this.#used, slots);
    this.#used += bytes;
    return run;
  }

  /** Takes a run back. */
  give(run: Float64Array): void {
    if (run.length === 0 || run.length > POOLED_SLOTS_MAX) return;
    let free = this.#free[run.length];
    if (free === undefined) {
      free = [];
      this.#free[run.length] = free;
    }
    if (free.length < FREE_MAX) free.push(run);
  }
}

/** One a thread: memory that has no meaning while nobody has it. */
export const contextMemory = new ContextMemory();
