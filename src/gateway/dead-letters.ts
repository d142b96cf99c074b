import type { LogEntry } from "../events/log-entry.ts";

/** A dead letter as people are shown it. */
export type ShownLetter = Readonly<{
  id: number;
  /** When it was set aside, ISO 8601. */
  at: string;
  shard: number;
  /** Its place in the shard's log. */
  sequence: number;
  code: string;
  reason: string;
  /** The same for the same fault. */
  stack: string;
  /** Absent if the bytes make no entry. */
  entry?: LogEntry;
  bytes: number;
}>;

/** The dead letters of a deployment, to be looked at, tried again or dropped. */
export type DeadLetters = Readonly<{
  /** The oldest first, at most so many. */
  list(limit: number): Promise<readonly ShownLetter[]>;
  /** @throws EngineError `NO_SUCH_LETTER`. */
  show(id: number): Promise<ShownLetter>;
  /**
   * Appends its entry to its log again, and drops the letter. An entry that counted after all is recognised by its event's id, so
   * that trying again does no harm.
   *
   * @throws EngineError `NO_SUCH_LETTER`.
   */
  retry(id: number): Promise<void>;
  /** @throws EngineError `NO_SUCH_LETTER`. */
  drop(id: number): Promise<void>;
}>;
