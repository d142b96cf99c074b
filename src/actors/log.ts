/** A message as a log stores it. */
export type LogMessage = Readonly<{
  /** From 1, without gaps while nothing is deleted. */
  sequence: number;
  /** The log's own timestamp, epoch ms. */
  storedAtMs: number;
  /** Valid until the next call of `next`. */
  data: Uint8Array;
}>;

/** Reads one stream in order. */
export interface LogReader {
  /**
   * The next messages in order, as soon as there is one, at most `max`. An empty array once the reader is closed.
   */
  next(max: number): Promise<readonly LogMessage[]>;
  /** Messages stored but not handed out yet, as last known. */
  lag(): number;
  close(): Promise<void>;
}

/** Ordered, durable streams of messages: the truth that every actor's state is folded from. */
export interface Log {
  /** Makes the stream if it is missing; keeps what it holds. */
  ensure(stream: string): Promise<void>;
  /**
   * Appends to one stream, in order, and answers once all are stored.
   *
   * @param messages - `id` lets the log drop a repeat for a while: a help, never the proof.
   * @returns The sequence of each message.
   * @throws EngineError `LOG_UNAVAILABLE` (retryable) if any may be missing.
   */
  append(stream: string, messages: readonly Readonly<{ id: string; data: Uint8Array }>[]): Promise<number[]>;
  /** Reads from a sequence on, for ever. */
  read(stream: string, from: number): Promise<LogReader>;
  /** The first and last sequence held; `last` is 0 if nothing was ever stored. */
  bounds(stream: string): Promise<Readonly<{ first: number; last: number }>>;
}
