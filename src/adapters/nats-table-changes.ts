import { AckPolicy, DeliverPolicy, type JetStreamManager } from "@nats-io/jetstream";
import { createInbox, type Msg, type NatsConnection, nanos } from "@nats-io/transport-node";
import { placeOf } from "./nats-place.ts";

/** An entry of a bucket; `value` is left out if it is the mark of a removal. */
export type TableEntry = Readonly<{
  key: string;
  value?: Uint8Array;
  revision: number;
  /** Entries that the consumer has not delivered yet. */
  pending: number;
}>;

/** The newest entry of each key, then each change. Ends when it is stopped, or can't be trusted any more. */
export type TableChanges = Readonly<{ entries: AsyncIterable<TableEntry>; stop(): void }>;

/** The server says this often that it is still there while nothing changes. */
const HEARTBEAT_MS = 500;
/** Silence after which the server that keeps the consumer is taken for dead. */
const SILENT_MS = 1_300;
/** The server drops a consumer that nobody listens to any more. */
const INACTIVE_MS = 5_000;
/** Status of a heartbeat. */
const HEARTBEAT = 100;

/**
 * Reads a key-value bucket through a consumer of its own. The client library's watch does the same with heartbeats
 * of 30 s, so that it stays deaf for a minute if the server that keeps it is killed, and leaves its consumer behind.
 *
 * @throws What the client throws if the bucket is missing or out of reach.
 */
export async function openTableChanges(
  nc: NatsConnection,
  jsm: JetStreamManager,
  bucket: string,
): Promise<TableChanges> {
  const stream = `KV_${bucket}`;
  const inbox = createInbox();
  const subscription = nc.subscribe(inbox);
  try {
    const { name } = await jsm.consumers.add(stream, {
      deliver_policy: DeliverPolicy.LastPerSubject,
      filter_subject: `$KV.${bucket}.>`,
      deliver_subject: inbox,
      ack_policy: AckPolicy.None,
      idle_heartbeat: nanos(HEARTBEAT_MS),
      inactive_threshold: nanos(INACTIVE_MS),
      mem_storage: true,
      num_replicas: 1,
    });
    let isStopped = false;
    const stop = (): void => {
      if (isStopped) return;
      isStopped = true;
      subscription.unsubscribe();
      // Out of courtesy, and not waited for: the server drops an unused consumer by itself.
      jsm.consumers.delete(stream, name).catch(() => false);
    };
    return { entries: entriesOf(subscription, `$KV.${bucket}.`.length, stop), stop };
  } catch (thrown) {
    subscription.unsubscribe();
    throw thrown;
  }
}

async function* entriesOf(
  messages: AsyncIterable<Msg>,
  prefixLength: number,
  stop: () => void,
): AsyncGenerator<TableEntry> {
  const silence = setTimeout(stop, SILENT_MS).unref();
  let delivered = 0;
  try {
    for await (const message of messages) {
      silence.refresh();
      const place = placeOf(message.reply);
      if (place === undefined) {
        if (message.headers?.code !== HEARTBEAT) return;
        continue;
      }
      if (place.delivery !== delivered + 1) return; // One got lost on the way.
      delivered = place.delivery;
      const key = message.subject.slice(prefixLength);
      const isMark = message.headers?.has("KV-Operation") === true;
      const { sequence: revision, pending } = place;
      yield { key, revision, pending, ...(isMark ? {} : { value: message.data }) };
    }
  } finally {
    clearTimeout(silence);
    stop();
  }
}
