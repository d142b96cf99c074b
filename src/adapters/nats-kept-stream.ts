import { DeliverPolicy, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { KeptStream } from "../actors/kept-stream.ts";
import type { Log } from "../actors/log.ts";
import { drainStream } from "./nats-drain.ts";
import { eraseMessages } from "./nats-erase.ts";
import { logUnavailable } from "./nats-log-failure.ts";
import { StoredMessages } from "./nats-stored-messages.ts";

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
  const stored = new StoredMessages(nc, jsm);
  const reach = async <Result>(act: () => Promise<Result>): Promise<Result> => {
    try {
      return await act();
    } catch (thrown) {
      throw logUnavailable(stream, thrown);
    }
  };
  return {
    async *messages(from = 1) {
      if (await reach(() => stored.tellsGroups(stream))) {
        const end = await reach(() => stored.last(stream));
        for (let next = from; next <= end; ) {
          const group = await reach(() => stored.group(stream, next));
          for (const { sequence, storedAtMs, data } of group) yield { sequence, storedAtMs, data };
          next = (group.at(-1)?.sequence ?? end) + 1;
        }
        return;
      }
      const which = { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from };
      const groups = drainStream(nc, jsm, stream, which);
      try {
        for (;;) {
          const { done, value } = await reach(() => groups.next());
          if (done === true) return;
          for (const { seq, timestampNanos, data } of value)
            yield { sequence: seq, storedAtMs: Number(timestampNanos / 1_000_000n), data };
        }
      } finally {
        await groups.return(undefined);
      }
    },
    messagesAt: (sequences) => reach(() => stored.at(stream, sequences)),
    append: async (messages) => void (await log.append(stream, messages)),
    erase: (sequences) => reach(() => eraseMessages(jsm, stream, sequences)),
  };
}
