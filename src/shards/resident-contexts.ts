import type { Context } from "./context.ts";
import { decodeContext } from "./context-codec.ts";
import type { ContextSource } from "./context-store.ts";

/** Contexts that passivation looks at for each that it drops, at most: it ends even if all were used just now. */
const LOOKS_A_DROP = 4;

/**
 * The contexts in memory, at most a bound of them once all is committed. Those that were not used for long are
 * passivated: dropped from memory, to be loaded again on demand. What a commit still owes to the store stays.
 */
export class ResidentContexts {
  readonly #source: ContextSource;
  readonly #bound: number;
  /** In the order in which they came, or were spared: a use costs a flag, not a move. */
  #contexts = new Map<string, Context>();
  /** Users who were erased, and whose rows the store has until that batch is committed. */
  readonly #erased = new Map<string, number>();
  /** Contexts that were passivated, ever. */
  passivated = 0;

  constructor(source: ContextSource, bound: number) {
    this.#source = source;
    this.#bound = bound;
  }

  get size(): number {
    return this.#contexts.size;
  }

  /** The contexts in memory. */
  values(): Iterable<Context> {
    return this.#contexts.values();
  }

  /** The context of a user, from memory or the store; undefined if nothing is held of them. */
  find(user: string): Context | undefined {
    const resident = this.#contexts.get(user);
    if (resident !== undefined) {
      resident.isUsed = true;
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
    if (this.#erased.has(user)) return undefined;
    const bytes = this.#source.load(user);
    return bytes === undefined ? undefined : decodeContext(user, bytes);
  }

  /** Whether this very context is in memory: another one of its user is only a copy. */
  holds(context: Context): boolean {
    return this.#contexts.get(context.user) === context;
  }

  /** The context of a user if it is in memory, without counting as a use. */
  resident(user: string): Context | undefined {
    return this.#contexts.get(user);
  }

  /** Users whose contexts are in memory, as of now. */
  users(): string[] {
    return [...this.#contexts.keys()];
  }

  add(context: Context): void {
    this.#contexts.set(context.user, context);
  }

  /** Whether anything is held of a user. */
  has(user: string): boolean {
    if (this.#contexts.has(user)) return true;
    return !this.#erased.has(user) && this.#source.load(user) !== undefined;
  }

  /** Users of whom something is held, in memory or in the store. */
  *held(): Generator<string> {
    yield* this.#contexts.keys();
    for (const user of this.#source.held())
      if (!this.#contexts.has(user) && !this.#erased.has(user)) yield user;
  }

  /** Forgets a user, and what the store has of them, whatever it answers until the batch is committed. */
  erase(user: string, batch: number): void {
    this.#contexts.get(user)?.release();
    this.#contexts.delete(user);
    this.#erased.set(user, batch);
  }

  /** Whether what the store has of a user counts no more. */
  isErased(user: string): boolean {
    return this.#erased.has(user);
  }

  /** Users of whom the store may have rows that count no more. */
  get erasing(): number {
    return this.#erased.size;
  }

  /** The store has a batch: what was erased with it is gone there, too. */
  committed(batch: number): void {
    for (const [user, since] of this.#erased) if (since <= batch) this.#erased.delete(user);
  }

  /**
   * Passivates contexts beyond the bound whose last batch is committed, the oldest first. One that was used since it
   * came, or since it was last spared, is spared once more.
   *
   * @see Corbato, "A Paging Experiment with the Multics System", 1968 (second chance).
   */
  passivate(committedBatch: number): void {
    let over = this.#contexts.size - this.#bound;
    let looks = over * LOOKS_A_DROP;
    if (over <= 0) return;
    for (const [user, context] of this.#contexts) {
      if (over <= 0) return;
      const isSpared = context.isUsed && looks-- > 0;
      if (!isSpared && context.dirtyBatch > committedBatch) continue;
      this.#contexts.delete(user);
      if (isSpared) {
        context.isUsed = false;
        this.#contexts.set(user, context);
        continue;
      }
      context.release();
      this.passivated++;
      over--;
    }
  }

  /** Forgets everything in memory, so that the store's state is what is read next. */
  clear(): void {
    this.#contexts = new Map();
    this.#erased.clear();
  }
}
