import { JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { logUnavailable } from "./nats-log-failure.ts";

/** A message that was set aside, as its stream keeps it. */
export type KeptMessage = Readonly<{
  /** Its sequence in the stream of dead letters. */
  id: number;
  storedAtMs: number;
  data: Uint8Array;
}>;

/** The messages of a stream one by one, for whoever looks through what was set aside. */
export type KeptMessages = Readonly<{
  /** All that are there, oldest first, at most so many. */
  list(limit: number): Promise<readonly KeptMessage[]>;
  get(id: number): Promise<KeptMessage | undefined>;
  /** @returns False if it was not there. */
  remove(id: number): Promise<boolean>;
}>;

/** The server's codes for a message that is not there. */
const NO_MESSAGE = [10037, 10043, 10057];

/**
 * Opens a stream of messages that were set aside. The connection stays the caller's to close.
 *
 * @throws EngineError `LOG_UNAVAILABLE` (retryable), here and from every method.
 */
export async function keptMessages(nc: NatsConnection, stream: string): Promise<KeptMessages> {
  const { streams } = await jetstreamManager(nc, { checkAPI: false });
  const reach = async <Result>(act: () => Promise<Result>): Promise<Result> => {
    try {
      return await act();
    } catch (thrown) {
      throw logUnavailable(stream, thrown);
    }
  };
  const get = async (id: number): Promise<KeptMessage | undefined> => {
    try {
      const message = await streams.getMessage(stream, { seq: id });
      if (message === null) return undefined;
      return { id, storedAtMs: message.time.getTime(), data: message.data };
    } catch (thrown) {
      if (thrown instanceof JetStreamApiError && NO_MESSAGE.includes(thrown.code)) return undefined;
      throw thrown;
    }
  };
  return {
    get: (id) => reach(() => get(id)),
    list: (limit) =>
      reach(async () => {
        const { state } = await streams.info(stream);
        const found: KeptMessage[] = [];
        for (let id = Math.max(1, state.first_seq); id <= state.last_seq && found.length < limit; id++) {
          const message = await get(id);
          if (message !== undefined) found.push(message);
        }
        return found;
      }),
    remove: (id) =>
      reach(async () => {
        if ((await get(id)) === undefined) return false;
        return streams.deleteMessage(stream, id);
      }),
  };
}
