import {
  AckPolicy,
  type Consumer,
  type ConsumerConfig,
  type JetStreamManager,
  type JsMsg,
  jetstream,
} from "@nats-io/jetstream";
import { type NatsConnection, nanos } from "@nats-io/transport-node";

/** Messages asked for at once: so many first, then as many as come to about so many bytes. */
const FETCHED = { first: 256, most: 8_192, bytes: 8_388_608 } as const;
/** How long it is waited for messages that were counted: they may have been deleted since. The least that the client takes. */
const PATIENCE_MS = 1_000;
const INACTIVE_MS = 60_000;

/**
 * Everything that a stream holds by now, in groups, oldest first. What is deleted meanwhile may be missing, and nothing else: the
 * consumer's own numbering shows what was lost on its way.
 *
 * @param which - Where to begin, of what subjects; everything if left out.
 * @throws What the client throws if the server is out of reach; Error if messages were lost on their way. Begin again then.
 */
export async function* drainStream(
  nc: NatsConnection,
  jsm: JetStreamManager,
  stream: string,
  which: Partial<ConsumerConfig> = {},
): AsyncGenerator<readonly JsMsg[]> {
  const made = await jsm.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(INACTIVE_MS),
    ...which,
  });
  const { name, num_pending: pending } = made;
  try {
    const consumer = jetstream(nc).consumers.getConsumerFromInfo(made);
    let most: number = FETCHED.first;
    for (let seen = 0; seen < pending; ) {
      const fetched = await fetch(consumer, Math.min(most, pending - seen));
      for (const { info } of fetched) if (info.deliverySequence !== ++seen) throw lost(stream);
      if (fetched.length === 0) {
        const { delivered, num_pending: left } = await jsm.consumers.info(stream, name);
        if (delivered.consumer_seq !== seen) throw lost(stream);
        if (left === 0) return; // Deleted by another meanwhile.
        continue;
      }
      const bytes = fetched.reduce((sum, { data }) => sum + data.length, 0);
      const fitting = Math.floor((FETCHED.bytes * fetched.length) / Math.max(1, bytes));
      most = Math.min(FETCHED.most, Math.max(1, fitting));
      yield fetched;
    }
  } finally {
    jsm.consumers.delete(stream, name).catch(() => false); // The server drops it by itself, too.
  }
}

async function fetch(consumer: Consumer, most: number): Promise<JsMsg[]> {
  const messages: JsMsg[] = [];
  for await (const message of await consumer.fetch({ max_messages: most, expires: PATIENCE_MS })) {
    messages.push(message);
    if (message.info.pending === 0) break; // Fewer than were counted.
  }
  return messages;
}

function lost(stream: string): Error {
  return new Error(`messages of ${stream} were lost on their way`);
}
