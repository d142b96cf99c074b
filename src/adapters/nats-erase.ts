import { JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { drainStream } from "./nats-drain.ts";

/** Messages deleted at once: each is a request, and the server overwrites one after the other. */
const AT_ONCE = 16;
/** The server's codes for a message that is not there. */
const NO_MESSAGE = [10037, 10043, 10057];

/**
 * Deletes messages of a stream so that their bytes are gone: the server overwrites them in its files ("secure erase"),
 * which it does not when it purges.
 *
 * @returns How many were there.
 * @throws What the client throws if the server is out of reach.
 */
export function eraseMessages(
  jsm: JetStreamManager,
  stream: string,
  sequences: readonly number[],
): Promise<number> {
  return deleteMessages(jsm, stream, sequences, true);
}

/**
 * Deletes messages of a stream.
 *
 * @param isErased - As {@link eraseMessages}, which takes longer.
 * @returns How many were there.
 */
export async function deleteMessages(
  jsm: JetStreamManager,
  stream: string,
  sequences: readonly number[],
  isErased: boolean,
): Promise<number> {
  let erased = 0;
  for (let at = 0; at < sequences.length; at += AT_ONCE) {
    const group = sequences.slice(at, at + AT_ONCE);
    const done = await Promise.all(group.map((sequence) => deleteMessage(jsm, stream, sequence, isErased)));
    erased += done.filter((wasThere) => wasThere).length;
  }
  return erased;
}

/** The sequences of a subject's messages, without reading their data. */
export async function sequencesOf(
  nc: NatsConnection,
  jsm: JetStreamManager,
  stream: string,
  subject: string,
): Promise<number[]> {
  const sequences: number[] = [];
  for await (const group of drainStream(nc, jsm, stream, { filter_subject: subject, headers_only: true }))
    for (const { seq } of group) sequences.push(seq);
  return sequences;
}

async function deleteMessage(
  jsm: JetStreamManager,
  stream: string,
  sequence: number,
  isErased: boolean,
): Promise<boolean> {
  try {
    return await jsm.streams.deleteMessage(stream, sequence, isErased);
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && NO_MESSAGE.includes(thrown.code)) return false;
    throw thrown;
  }
}
