import { AckPolicy, DeliverPolicy, type JetStreamManager } from "@nats-io/jetstream";
import { type MsgHdrs, type NatsConnection, nanos } from "@nats-io/transport-node";
import type { KeyValueEntry } from "../actors/key-value.ts";
import { newInbox } from "./nats-peer.ts";
import { placeOf } from "./nats-place.ts";

/** What a bucket held at one moment or later: nothing that was written up to a revision is missing. */
export type TableContent = Readonly<{
  /** In the order of their revisions. */
  entries: readonly KeyValueEntry[];
  upTo: number;
}>;

/** Up to so many keys are asked for one by one: the stream's leader answers, and no consumer has to be made. */
const SINGLY_MAX = 256;
/** A consumer that delivers nothing for this long is given up: the server that keeps it may be gone. */
const SILENT_MS = 250;
/** The server drops a consumer that nobody listens to any more. */
const INACTIVE_MS = 5_000;

/**
 * Reads a key-value bucket. Only the stream's leader knows the newest write. It hands out single entries, so a large
 * bucket is read through a consumer; that may be kept by a server that lags, so the leader tells how far it must get.
 *
 * @param ending - Aborted once nobody waits for the answer any more.
 * @throws What the client throws if the bucket is missing or out of reach.
 */
export async function readTable(
  nc: NatsConnection,
  jsm: JetStreamManager,
  bucket: string,
  ending: AbortSignal,
): Promise<TableContent> {
  const upTo = await newestRevision(jsm, bucket);
  if (upTo === 0) return { entries: [], upTo };
  const { state } = await jsm.streams.info(streamOf(bucket));
  const isSmall = (state.num_subjects ?? Number.POSITIVE_INFINITY) <= SINGLY_MAX;
  for (;;) {
    ending.throwIfAborted();
    const entries = isSmall
      ? await readSingly(jsm, bucket)
      : await readThrough(nc, jsm, bucket, upTo, ending);
    if (entries !== undefined) return { entries: entries.sort((a, b) => a.revision - b.revision), upTo };
  }
}

/** The revision of a bucket's last write that is still held, by its leader; 0 if it is empty. */
export async function newestRevision(jsm: JetStreamManager, bucket: string): Promise<number> {
  const last = await jsm.streams.getMessage(streamOf(bucket), { last_by_subj: `${prefixOf(bucket)}>` });
  return last?.seq ?? 0;
}

/** The stream that holds a bucket. */
export function streamOf(bucket: string): string {
  return `KV_${bucket}`;
}

/** What stands before a key in the subjects of a bucket's stream. */
export function prefixOf(bucket: string): string {
  return `$KV.${bucket}.`;
}

/** Whether a message of a bucket's stream says that a key's value was removed. */
export function isRemoval(headers: MsgHdrs | undefined): boolean {
  return headers?.has("KV-Operation") === true;
}

async function readSingly(jsm: JetStreamManager, bucket: string): Promise<KeyValueEntry[]> {
  const stream = streamOf(bucket);
  const prefix = prefixOf(bucket);
  const { state } = await jsm.streams.info(stream, { subjects_filter: `${prefix}>` });
  const read = async (subject: string): Promise<KeyValueEntry[]> => {
    const message = await jsm.streams.getMessage(stream, { last_by_subj: subject });
    if (message === null || isRemoval(message.header)) return [];
    return [{ key: subject.slice(prefix.length), value: message.data, revision: message.seq }];
  };
  return (await Promise.all(Object.keys(state.subjects ?? {}).map(read))).flat();
}

/** All entries up to a revision at least; undefined if the consumer falls silent before. */
async function readThrough(
  nc: NatsConnection,
  jsm: JetStreamManager,
  bucket: string,
  upTo: number,
  ending: AbortSignal,
): Promise<KeyValueEntry[] | undefined> {
  const prefix = prefixOf(bucket);
  const inbox = newInbox(nc);
  const subscription = nc.subscribe(inbox);
  const stop = (): void => subscription.unsubscribe();
  const silence = setTimeout(stop, SILENT_MS);
  ending.addEventListener("abort", stop);
  let consumer: string | undefined;
  try {
    const { name } = await jsm.consumers.add(streamOf(bucket), {
      deliver_policy: DeliverPolicy.LastPerSubject,
      filter_subject: `${prefix}>`,
      deliver_subject: inbox,
      ack_policy: AckPolicy.None,
      inactive_threshold: nanos(INACTIVE_MS),
      mem_storage: true,
      num_replicas: 1,
    });
    consumer = name;
    const held = new Map<string, KeyValueEntry>();
    let delivered = 0;
    for await (const message of subscription) {
      silence.refresh();
      const place = placeOf(message.reply, { sequence: 0, delivery: 0, storedAtMs: 0, pending: 0 });
      if (place === undefined) continue;
      delivered++;
      if (place.delivery !== delivered) return undefined; // One got lost on the way.
      const key = message.subject.slice(prefix.length);
      if (isRemoval(message.headers)) held.delete(key);
      else held.set(key, { key, value: message.data, revision: place.sequence });
      if (place.sequence >= upTo && place.pending === 0) return [...held.values()];
    }
    return undefined;
  } finally {
    clearTimeout(silence);
    ending.removeEventListener("abort", stop);
    stop();
    // Out of courtesy, and not waited for: the server drops an unused consumer by itself.
    if (consumer !== undefined) jsm.consumers.delete(streamOf(bucket), consumer).catch(() => false);
  }
}
