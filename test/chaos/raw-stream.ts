import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";

/** A message as the stream holds it. */
export type RawMessage = Readonly<{ sequence: number; data: Uint8Array }>;

/** Reads a stream from its first message to its present end, with nothing of the engine in between. */
export async function* rawStream(connection: NatsConnection, stream: string): AsyncGenerator<RawMessage> {
  const { state } = await (await jetstreamManager(connection)).streams.info(stream);
  if (state.messages === 0) return;
  const consumer = await jetstream(connection).consumers.get(stream);
  const messages = await consumer.consume();
  try {
    for await (const message of messages) {
      yield { sequence: message.seq, data: message.data };
      if (message.seq >= state.last_seq) return;
    }
  } finally {
    messages.stop();
    await consumer.delete();
  }
}
