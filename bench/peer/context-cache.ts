import type { Context } from "../../src/shards/context.ts";

/**
 * The contexts that a worker keeps between batches, the least recently used ones dropped beyond a bound. What is dropped
 * was written with its batch, so nothing is lost.
 */
export class ContextCache {
  readonly #bound: number;
  /** In the order of their last use: a map keeps the order of insertion. */
  readonly #contexts = new Map<string, Context>();

  /** @param bound - Contexts kept; 0 keeps those of the batch under way only. */
  constructor(bound: number) {
    this.#bound = bound;
  }

  find(user: string): Context | undefined {
    const context = this.#contexts.get(user);
    if (context === undefined) return undefined;
    this.#contexts.delete(user);
    this.#contexts.set(user, context);
    return context;
  }

  add(context: Context): void {
    this.#contexts.set(context.user, context);
  }

  /** Drops what is over the bound; called between batches. */
  shrink(): void {
    let over = this.#contexts.size - this.#bound;
    for (const user of this.#contexts.keys()) {
      if (over-- <= 0) return;
      this.#contexts.delete(user);
    }
  }
}
