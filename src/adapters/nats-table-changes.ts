import type { Republish } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { KeyValueChange } from "../actors/key-value.ts";
import { isRemoval, prefixOf, type TableContent } from "./nats-table-read.ts";

/** What a bucket holds, then each change. Ends when it is stopped, or when one got lost. */
export type TableChanges = Readonly<{
  changes: AsyncIterable<KeyValueChange>;
  /** The revision that the first part goes up to. */
  upTo: number;
  stop(): void;
}>;

/** How a bucket's stream passes on what it has stored: under the keys, behind the bucket's name. */
export function republishing(bucket: string): Republish {
  return { src: `${prefixOf(bucket)}>`, dest: `${toldPrefix(bucket)}>` };
}

/**
 * Listens to what a bucket's leader passes on once it is stored, and begins with what it holds. The client library's
 * watch uses a consumer instead, which one of the servers keeps: when that one is killed, the watch is deaf for a
 * minute, and a new one can't be made until the cluster has elected a leader of its own.
 *
 * @param read - Reads the bucket's content.
 * @throws What the client or `read` throws if the bucket is out of reach.
 */
export async function openTableChanges(
  nc: NatsConnection,
  bucket: string,
  read: () => Promise<TableContent>,
): Promise<TableChanges> {
  const prefix = toldPrefix(bucket);
  const subscription = nc.subscribe(`${prefix}>`);
  const stop = (): void => subscription.unsubscribe();
  try {
    await nc.flush(); // What is stored from now on is told, or leaves a gap.
    const content = await read();
    return { changes: changesOf(subscription, prefix, content), upTo: content.upTo, stop };
  } catch (thrown) {
    stop();
    throw thrown;
  }
}

async function* changesOf(
  messages: AsyncIterable<Msg>,
  prefix: string,
  { entries, upTo }: TableContent,
): AsyncGenerator<KeyValueChange> {
  const told = new Map<string, number>();
  for (const entry of entries) {
    told.set(entry.key, entry.revision);
    yield entry;
  }
  let seen = upTo;
  for await (const message of messages) {
    const revision = Number(message.headers?.get("Nats-Sequence"));
    if (revision <= seen) continue;
    if (revision !== seen + 1) return; // One got lost; what it said is in the next content.
    seen = revision;
    const key = message.subject.slice(prefix.length);
    if (revision <= (told.get(key) ?? 0)) continue; // It was written while the content was read.
    yield { key, revision, ...(isRemoval(message.headers) ? {} : { value: message.data }) };
  }
}

function toldPrefix(bucket: string): string {
  return `${bucket}.told.`;
}
