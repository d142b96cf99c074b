import { AckPolicy, JetStreamApiError, type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { type NatsConnection, nanos } from "@nats-io/transport-node";

/** Messages erased at once: each is a request, and the server overwrites one after the other. */
const AT_ONCE = 16;
/** The server's codes for a message that is not there. */
const NO_MESSAGE = [10037, 10043, 10057];
const LISTED_MAX = 1_000;
const LISTING_PATIENCE_MS = 5_000;
const INACTIVE_MS = 30_000;

/**
 * Deletes messages of a stream so that their bytes are gone: the server overwrites them in its files ("secure erase"),
 * which it does not when it purges.
 *
 * @returns How many were there.
 * @throws What the client throws if the server is out of reach.
 */
export async function eraseMessages(
  jsm: JetStreamManager,
  stream: string,
  sequences: readonly number[],
): Promise<number> {
  let erased = 0;
  for (let at = 0; at < sequences.length; at += AT_ONCE) {
    const group = sequences.slice(at, at + AT_ONCE);
    const done = await Promise.all(group.map((sequence) => eraseMessage(jsm, stream, sequence)));
    erased += done.filter((wasThere) => wasThere).length;
  }
  return erased;
}

/** The sequences of a subject's messages, without reading their data. */
export async function sequencesOf(
  nc: NatsConnection,
  jsm: JetStreamManager,
  stream: string,
  subject: string,
): Promise<number[]> {
  const { name, num_pending: pending } = await jsm.consumers.add(stream, {
    filter_subject: subject,
    headers_only: true,
    ack_policy: AckPolicy.None,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(INACTIVE_MS),
  });
  try {
    const consumer = await jetstream(nc).consumers.get(stream, name);
    const sequences: number[] = [];
    while (sequences.length < pending) {
      const before = sequences.length;
      const batch = Math.min(LISTED_MAX, pending - before);
      const messages = await consumer.fetch({ max_messages: batch, expires: LISTING_PATIENCE_MS });
      for await (const { seq } of messages) sequences.push(seq);
      if (sequences.length === before) break; // Deleted by another meanwhile.
    }
    return sequences;
  } finally {
    jsm.consumers.delete(stream, name).catch(() => false); // The server drops it by itself, too.
  }
}

async function eraseMessage(jsm: JetStreamManager, stream: string, sequence: number): Promise<boolean> {
  try {
    return await jsm.streams.deleteMessage(stream, sequence, true);
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && NO_MESSAGE.includes(thrown.code)) return false;
    throw thrown;
  }
}
