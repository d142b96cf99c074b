/**
 * Acts in one minute of event time beyond which nobody acts by hand: ten a second, for a whole minute. The busiest of 336,000
 * people in three public data sets did 30 (docs/security.md). It is no option: a replay must find the same bots.
 */
export const HUMAN_ACTS_A_MINUTE = 600;
/** Events of one user that are counted in experiments on one day of the log. */
export const COUNTED_EVENTS_A_DAY = 500;

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

/** How fast a user acts and how much of it was counted: what limits the influence of one. It belongs to their context. */
export class Pace {
  /** Whether it is no human's. It stays so: who has been a program once is none of those whom profiles are of. */
  isBot = false;
  /** The newest minute of event time that acts were of, since 1970, and how many they were; -1 before the first. */
  minute = -1;
  acts = 0;
  /** The day of the log's own time, since 1970, and what was counted on it; -1 before the first. */
  day = -1;
  counted = 0;

  /** Notes an act. Late ones, of an earlier minute, are not looked at. @returns Whether no human acts so fast. */
  act(tsMs: number): boolean {
    const minute = Math.floor(tsMs / MINUTE_MS);
    if (minute < this.minute) return false;
    if (minute > this.minute) {
      this.minute = minute;
      this.acts = 0;
    }
    if (this.acts <= HUMAN_ACTS_A_MINUTE) this.acts++;
    return this.acts > HUMAN_ACTS_A_MINUTE;
  }

  /**
   * Counts one event in, if the day has room for it.
   *
   * @param loggedAtMs - The log's own time: a sender can't choose it, as it can an event's.
   */
  count(loggedAtMs: number): boolean {
    const day = Math.floor(loggedAtMs / DAY_MS);
    if (day > this.day) {
      this.day = day;
      this.counted = 0;
    }
    if (this.counted >= COUNTED_EVENTS_A_DAY) return false;
    this.counted++;
    return true;
  }
}
