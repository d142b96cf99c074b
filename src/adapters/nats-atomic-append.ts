import type { NatsConnection } from "@nats-io/transport-node";
import type { Append } from "../actors/log.ts";
import { newId } from "./entropy.ts";
import { traceLine, writtenHeaders } from "./written-headers.ts";

/** What became of a batch: stored whole, or refused whole with the server's code and words. */
export type AtomicAppend =
  | Readonly<{ kind: "stored"; sequences: number[] }>
  | Readonly<{ kind: "refused"; code: number; reason: string }>;

type BatchAck = Readonly<{
  seq?: number;
  count?: number;
  error?: Readonly<{ err_code?: number; description?: string }>;
}>;

/**
 * Stores 2 to 1,000 messages of one stream, all or none (NATS 2.12, ADR-50), in one round trip.
 *
 * The client library's `startBatch` costs two, hides the server's code and does not carry message ids, so the
 * headers are written here. Server 2.15 checks the ids too: a batch with one repeat is refused as a whole.
 *
 * @throws What the client throws if no answer comes: then nothing is known.
 */
export async function appendAtomically(
  nc: NatsConnection,
  stream: string,
  messages: readonly Append[],
  timeoutMs: number,
): Promise<AtomicAppend> {
  const batch = newId();
  const last = messages.length - 1;
  const { headers, write } = writtenHeaders();
  let reply: ReturnType<NatsConnection["request"]> | undefined;
  messages.forEach(({ subject, id, data, traceparent }, index) => {
    const place = `${traceLine(traceparent)}\r\nNats-Batch-Id: ${batch}\r\nNats-Batch-Sequence: ${index + 1}`;
    if (index < last) {
      write(id, place);
      nc.publish(subject ?? stream, data, { headers });
      return;
    }
    write(id, `${place}\r\nNats-Batch-Commit: 1`);
    reply = nc.request(subject ?? stream, data, { headers, timeout: timeoutMs });
  });
  const ack = (await reply)?.json<BatchAck>() ?? {};
  if (ack.error !== undefined || ack.seq === undefined || ack.count !== messages.length) {
    return {
      kind: "refused",
      code: ack.error?.err_code ?? 0,
      reason: ack.error?.description ?? "not confirmed",
    };
  }
  const first = ack.seq - last;
  return { kind: "stored", sequences: messages.map((_, index) => first + index) };
}
