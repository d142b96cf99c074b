import type { Context } from "./context.ts";
import { decodeContext } from "./context-codec.ts";
import type { ContextSource } from "./context-store.ts";

/**
 * The contexts in memory, at most a bound of them once all is committed. The coldest are passivated: dropped from
 * memory, to be loaded again on demand. What a commit still owes to the store stays.
 */
export class ResidentContexts {
  readonly #source: ContextSource;
  readonly #bound: number;
  /** In the order of their last use: a map keeps the order of insertion. */
  #contexts = new Map<string, Context>();

  constructor(source: ContextSource, bound: number) {
    this.#source = source;
    this.#bound = bound;
  }

  get size(): number {
    return this.#contexts.size;
  }

  /** The context of a user, from memory or the store; undefined if nothing is held of them. */
  find(user: string): Context | undefined {
    const resident = this.#contexts.get(user);
    if (resident !== undefined) {
      this.#contexts.delete(user);
      this.#contexts.set(user, resident);
      return resident;
    }
    const stored = this.peek(user);
    if (stored !== undefined) this.#contexts.set(user, stored);
    return stored;
  }

  /** As {@link find}, without keeping it in memory: for sweeps over many users. */
  peek(user: string): Context | undefined {
    const resident = this.#contexts.get(user);
    if (resident !== undefined) return resident;
    const bytes = this.#source.load(user);
    return bytes === undefined ? undefined : decodeContext(user, bytes);
  }

  add(context: Context): void {
    this.#contexts.set(context.user, context);
  }

  /** Passivates the coldest contexts beyond the bound whose last batch is committed. */
  passivate(committedBatch: number): void {
    let over = this.#contexts.size - this.#bound;
    if (over <= 0) return;
    for (const [user, context] of this.#contexts) {
      if (over <= 0) return;
      if (context.dirtyBatch > committedBatch) continue;
      this.#contexts.delete(user);
      over--;
    }
  }

  /** Forgets everything in memory, so that the store's state is what is read next. */
  clear(): void {
    this.#contexts = new Map();
  }
}
