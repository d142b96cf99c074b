import type { Append, LogMessage } from "./log.ts";

/**
 * A stream that is kept for analysis or for operators, and that no state is folded from: what is in a message may be
 * taken out again.
 */
export interface KeptStream {
  /** All messages stored by now, or those from a sequence on, oldest first; those deleted are left out. */
  messages(from?: number): AsyncIterable<LogMessage>;
  /** The messages at some places, in that order; those deleted are left out. */
  messagesAt(sequences: readonly number[]): Promise<readonly LogMessage[]>;
  /** As of {@link import("./log.ts").Log}. */
  append(messages: readonly Append[]): Promise<void>;
  /** Deletes messages so that their bytes are gone, also from the files of the stream. @returns How many were there. */
  erase(sequences: readonly number[]): Promise<number>;
}
