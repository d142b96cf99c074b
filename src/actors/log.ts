/** A message as a log stores it. */
export type LogMessage = Readonly<{
  /** From 1, without gaps while nothing is deleted. */
  sequence: number;
  /** The log's own timestamp, epoch ms. */
  storedAtMs: number;
  /** Valid until the next call of `next`. */
  data: Uint8Array;
  /** Whether it is what {@link Log.redact} put there. */
  isRedacted?: boolean;
  /** The trace that put it there; absent if that was not recorded, or none are here. */
  traceparent?: string;
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

/** What a stream keeps, beyond the default: everything, under the one subject that has the stream's name. */
export type StreamOptions = Readonly<{
  /** Further subjects of the stream; the last word may be `>`. */
  subjects?: readonly string[];
  /** Messages older than this are dropped. */
  maxAgeMs?: number;
  /** The oldest messages are dropped beyond this size. */
  maxBytes?: number;
}>;

/** A message on its way into a log. */
export type Append = Readonly<{
  /** Lets the log drop a repeat for a while: a help, never the proof. */
  id: string;
  data: Uint8Array;
  /** One of the stream's further subjects, for those who listen to it; the stream's name if left out. */
  subject?: string;
  /** The trace that it is a part of: stored beside it, and not kept by {@link Log.redact}. */
  traceparent?: string;
}>;

/** Ordered, durable streams of messages: the truth that every actor's state is folded from. */
export interface Log {
  /** Makes the stream if it is missing; keeps what it holds. */
  ensure(stream: string, options?: StreamOptions): Promise<void>;
  /**
   * Appends to one stream, in order, and answers once all are stored.
   *
   * @returns The sequence of each message; of a repeat, the sequence of the first.
   * @throws EngineError `LOG_UNAVAILABLE` (retryable) if any may be missing.
   */
  append(stream: string, messages: readonly Append[]): Promise<number[]>;
  /**
   * Reads from a sequence on, for ever.
   *
   * @throws EngineError `LOG_TRUNCATED`, here or from `next`, if the stream ends before `from - 1`: it lost
   * messages that were stored once. `LOG_TRIMMED` if it begins after `from`: what is asked for is held no more.
   */
  read(stream: string, from: number): Promise<LogReader>;
  /**
   * Drops the oldest messages: those up to a sequence that were stored before a time (epoch ms, the log's clock).
   *
   * @returns The first sequence held after that.
   */
  trim(stream: string, upTo: number, storedBeforeMs: number): Promise<number>;
  /**
   * Puts other bytes in the place of messages, as they were read: whoever reads the stream gets those, under the same sequence
   * and time, and the servers overwrite what was there. Doing it again does no harm, nor does a crash half-way: then either is
   * read.
   *
   * @throws EngineError `LOG_UNAVAILABLE` (retryable) if any may be as it was.
   */
  redact(stream: string, messages: readonly LogMessage[]): Promise<void>;
  /**
   * The messages from one place to another, both included, in groups, in order; those that are held no more are left out. The last
   * place must be in the stream.
   */
  range(stream: string, from: number, to: number): AsyncIterable<readonly LogMessage[]>;
  /** The messages at some places, in that order, as they are now; those that are held no more are left out. */
  messagesAt(stream: string, sequences: readonly number[]): Promise<readonly LogMessage[]>;
  /** The first and last sequence held; `last` is 0 if nothing was ever stored. `first` is 1 before anything is. */
  bounds(stream: string): Promise<Readonly<{ first: number; last: number }>>;
  /** The last sequence of {@link bounds}, which most often is told sooner. */
  last(stream: string): Promise<number>;
}
