import { AckPolicy, type Consumer, DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type NatsConnection, nanos } from "@nats-io/transport-node";
import type { KeptStream } from "../actors/kept-stream.ts";
import type { Log, LogMessage } from "../actors/log.ts";
import { eraseMessages } from "./nats-erase.ts";
import { logUnavailable } from "./nats-log-failure.ts";
import { storedMessages } from "./nats-stored-messages.ts";

/** Messages asked for at once: so many first, then as many as come to about so many bytes. */
const FETCHED = { first: 256, most: 8_192, bytes: 8_388_608 } as const;
const PATIENCE_MS = 5_000;
const INACTIVE_MS = 60_000;

/**
 * A {@link KeptStream} of JetStream. The connection stays the caller's to close.
 *
 * @param log - Over the same servers.
 * @throws EngineError `LOG_UNAVAILABLE` (retryable), from every method.
 */
export async function natsKeptStream(
  nc: NatsConnection,
  log: Pick<Log, "append">,
  stream: string,
): Promise<KeptStream> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const reach = async <Result>(act: () => Promise<Result>): Promise<Result> => {
    try {
      return await act();
    } catch (thrown) {
      throw logUnavailable(stream, thrown);
    }
  };
  return {
    async *messages(from = 1) {
      const { name, num_pending: pending } = await reach(() =>
        jsm.consumers.add(stream, {
          deliver_policy: DeliverPolicy.StartSequence,
          opt_start_seq: from,
          ack_policy: AckPolicy.None,
          mem_storage: true,
          num_replicas: 1,
          inactive_threshold: nanos(INACTIVE_MS),
        }),
      );
      try {
        const consumer = await reach(() => jetstream(nc).consumers.get(stream, name));
        let most: number = FETCHED.first;
        for (let seen = 0; seen < pending; ) {
          const fetched = await reach(() => fetch(consumer, Math.min(most, pending - seen)));
          if (fetched.length === 0) return; // Deleted by another meanwhile.
          seen += fetched.length;
          const bytes = fetched.reduce((sum, { data }) => sum + data.length, 0);
          const fitting = Math.floor((FETCHED.bytes * fetched.length) / Math.max(1, bytes));
          most = Math.min(FETCHED.most, Math.max(1, fitting));
          yield* fetched;
        }
      } finally {
        jsm.consumers.delete(stream, name).catch(() => false); // The server drops it by itself, too.
      }
    },
    messagesAt: (sequences) => reach(() => storedMessages(jsm, stream, sequences)),
    append: async (messages) => void (await log.append(stream, messages)),
    erase: (sequences) => reach(() => eraseMessages(jsm, stream, sequences)),
  };
}

async function fetch(consumer: Consumer, most: number): Promise<LogMessage[]> {
  const messages: LogMessage[] = [];
  for await (const { seq, timestampNanos, data } of await consumer.fetch({
    max_messages: most,
    expires: PATIENCE_MS,
  }))
    messages.push({ sequence: seq, storedAtMs: Number(timestampNanos / 1_000_000n), data });
  return messages;
}
