import type { JetStreamManager } from "@nats-io/jetstream";
import type { LogMessage } from "../actors/log.ts";
import type { RedactedCopies } from "./nats-redacted-copies.ts";

/** Messages asked for at the same time. */
const ASKED_AT_ONCE = 64;

/**
 * The messages at some places of a stream, in that order, each asked for by itself.
 *
 * @param redacted - What is left of those that were redacted.
 */
export async function storedMessages(
  jsm: JetStreamManager,
  stream: string,
  sequences: readonly number[],
  redacted?: RedactedCopies,
): Promise<LogMessage[]> {
  const found: LogMessage[] = [];
  const ask = async (seq: number): Promise<LogMessage | undefined> => {
    const message = await jsm.streams.getMessage(stream, { seq });
    if (message === null) return redacted?.find(seq);
    return { sequence: seq, storedAtMs: message.time.getTime(), data: message.data };
  };
  for (let at = 0; at < sequences.length; at += ASKED_AT_ONCE)
    for (const message of await Promise.all(sequences.slice(at, at + ASKED_AT_ONCE).map(ask)))
      if (message !== undefined) found.push(message);
  return found;
}
