import { jetstream } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { movedResult, preciseNowMs } from "./load-result.ts";
import type { LoadResult, PublishedMessage, PublishTask } from "./load-tasks.ts";

const PATIENCE_MS = 30_000;

/** Stores messages in streams and waits for every acknowledgement: the least that any writer must do. */
export async function publish(nc: NatsConnection, task: PublishTask): Promise<LoadResult> {
  const store = task.isAtomic ? storeBatch : storeSingly;
  const beganMs = preciseNowMs();
  await Promise.all(
    task.streams.map(async ({ name, messages }) => {
      for (let at = 0; at < messages.length; at += task.batch)
        await store(nc, name, messages.slice(at, at + task.batch));
    }),
  );
  const count = task.streams.reduce((sum, stream) => sum + stream.messages.length, 0);
  return movedResult(count, beganMs, preciseNowMs());
}

let batches = 0;

/** All messages as one atomic batch (NATS 2.12). */
async function storeBatch(
  nc: NatsConnection,
  stream: string,
  messages: readonly PublishedMessage[],
): Promise<void> {
  const batch = `bench-${process.pid}-${batches++}`;
  for (const [index, { id, data }] of messages.entries()) {
    const header = headers();
    header.set("Nats-Batch-Id", batch);
    header.set("Nats-Batch-Sequence", String(index + 1));
    if (id !== "") header.set("Nats-Msg-Id", id);
    if (index < messages.length - 1) {
      nc.publish(stream, data, { headers: header });
      continue;
    }
    header.set("Nats-Batch-Commit", "1");
    const reply = await nc.request(stream, data, { headers: header, timeout: PATIENCE_MS });
    const { count } = reply.json<{ count?: number }>();
    if (count !== messages.length) throw new Error(`the server did not store a batch: ${reply.string()}`);
  }
}

async function storeSingly(
  nc: NatsConnection,
  stream: string,
  messages: readonly PublishedMessage[],
): Promise<void> {
  const js = jetstream(nc);
  await Promise.all(
    messages.map(({ id, data }) =>
      js.publish(stream, data, { ...(id === "" ? {} : { msgID: id }), timeout: PATIENCE_MS }),
    ),
  );
}
