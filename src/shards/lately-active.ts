import type { PositionedEntry } from "../events/log-entry.ts";

/** Users remembered at most. */
const USERS_MAX = 4_096;
/** How long after a question the next one is expected: then nobody watches any more. */
const WATCHED_MS = 5_000;

/**
 * Who of a shard's users has been active lately: kept while somebody watches, and forgotten after that, so that nothing is paid
 * for it otherwise.
 */
export class LatelyActive {
  /** Users, the most recently active last. */
  readonly #users = new Map<string, { turn: number; atMs: number }>();
  #turn = 0;
  #watchedUntilMs = Number.NEGATIVE_INFINITY;
  #erasures = 0;

  /** Grows by one an event, and never falls: what somebody has seen is told by it. */
  get turn(): number {
    return this.#turn;
  }

  /** Users who were erased since the start: whoever may have seen one asks again from the beginning. */
  get erasures(): number {
    return this.#erasures;
  }

  /**
   * Notes whose events were folded.
   *
   * @param nowMs - Of a monotonic clock.
   */
  note(entries: readonly PositionedEntry[], nowMs: number): void {
    if (nowMs >= this.#watchedUntilMs) {
      if (this.#users.size > 0) this.#users.clear();
      return;
    }
    for (const { entry, loggedAtMs } of entries) {
      if (entry.kind !== "behaviour") continue;
      this.#users.delete(entry.user); // To the end, behind all others.
      this.#users.set(entry.user, { turn: ++this.#turn, atMs: loggedAtMs });
    }
    for (const user of this.#users.keys()) {
      if (this.#users.size <= USERS_MAX) break;
      this.#users.delete(user);
    }
  }

  /** Forgets a user who is erased. */
  erased(user: string): void {
    this.#users.delete(user);
    this.#erasures++;
  }

  /**
   * Who was active after a turn, and when the log got their newest event; watches on for a while.
   *
   * @param nowMs - Of the clock of {@link note}.
   * @param limit - Of more than these the most recently active are told.
   */
  since(turn: number, limit: number, nowMs: number): readonly (readonly [user: string, atMs: number])[] {
    if (nowMs >= this.#watchedUntilMs) this.#users.clear(); // From before a pause.
    this.#watchedUntilMs = nowMs + WATCHED_MS;
    const active: [string, number][] = [];
    for (const [user, seen] of this.#users) if (seen.turn > turn) active.push([user, seen.atMs]);
    return active.slice(-limit);
  }
}
