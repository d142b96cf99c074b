import { JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import type { Append, Log, LogMessage } from "../actors/log.ts";
import type { StoredMessage, StoredMessages } from "./nats-stored-messages.ts";

/** The server's code for a stream that does not exist. */
const STREAM_NOT_FOUND = 10059;
/** Bytes of the time in front of a copy. */
const TIME_BYTES = 8;
const BEGIN = "begin";

/**
 * What is left of a stream's redacted messages: a stream can't change what it holds, so the rest is stored beside it, under a
 * subject for each sequence, and the message itself is deleted, which overwrites it. First the copy, then the deletion.
 *
 * Where the stream begins is kept there, too: a server takes a first message that is deleted for one that was trimmed.
 */
export class RedactedCopies {
  readonly stream: string;
  /** The stream of the copies. */
  readonly name: string;
  /** The copies' stream is made, tidied, and told where the stream begins: once is enough. */
  prepared: Promise<void> | undefined;
  readonly #jsm: JetStreamManager;
  readonly #stored: StoredMessages;

  constructor(jsm: JetStreamManager, stored: StoredMessages, stream: string) {
    this.#jsm = jsm;
    this.#stored = stored;
    this.stream = stream;
    this.name = `${stream}_REDACTED`;
  }

  /** The subject of a message's copies; the newest one counts. */
  subject(sequence: number | "*" | typeof BEGIN): string {
    return `${this.name}.${sequence}`;
  }

  /** What is left of a message; undefined if nothing was ever put in its place. */
  async find(sequence: number): Promise<LogMessage | undefined> {
    const copy = await this.#last(this.subject(sequence));
    if (copy === undefined) return undefined;
    const { data } = copy;
    const time = new DataView(data.buffer, data.byteOffset, TIME_BYTES);
    return {
      sequence,
      storedAtMs: time.getFloat64(0, true),
      data: data.subarray(TIME_BYTES),
      isRedacted: true,
    };
  }

  /** The first sequence of the stream, given the first one that the server has. */
  async begin(firstHeld: number): Promise<number> {
    if (firstHeld <= 1) return firstHeld;
    const told = await this.#last(this.subject(BEGIN));
    return told === undefined ? firstHeld : Number(new TextDecoder().decode(told.data));
  }

  /** Notes where the stream begins, unless that is noted. */
  async keepBegin(log: Log, first: number): Promise<void> {
    if ((await this.#last(this.subject(BEGIN))) === undefined)
      await log.append(this.name, [this.#beginAt(first)]);
  }

  /** The stream is about to be trimmed: copies of what goes go as well. */
  async trim(log: Log, keep: number): Promise<void> {
    const subjects = await this.#subjects();
    if (subjects === undefined) return;
    await log.append(this.name, [this.#beginAt(keep)]);
    for (const subject of subjects.keys())
      if (this.#sequenceOf(subject) < keep) await this.#jsm.streams.purge(this.name, { filter: subject });
  }

  /** Removes copies that others have taken the place of, where a crash came between. */
  async tidy(): Promise<void> {
    for (const [subject, count] of (await this.#subjects()) ?? []) {
      const newest = count > 1 ? await this.#last(subject) : undefined;
      for (let after = 0; newest !== undefined; ) {
        // The client's types leave out the subject, which the server takes from 2.9 on.
        const query = { seq: after + 1, next_by_subj: subject };
        const older = await this.#stored.find(this.name, query);
        if (older === undefined || older.sequence >= newest.sequence) break;
        await this.#overwrite(this.name, older.sequence);
        after = older.sequence;
      }
    }
  }

  /** Puts copies in the place of messages, which are overwritten. */
  async replace(log: Log, messages: readonly LogMessage[]): Promise<void> {
    const before = await Promise.all(
      messages.map(({ sequence, isRedacted }) =>
        isRedacted === true ? this.#last(this.subject(sequence)) : undefined,
      ),
    );
    const stored = await log.append(
      this.name,
      messages.map((message) => this.#copyOf(message)),
    );
    await Promise.all(
      messages.map(async ({ sequence, isRedacted }, i) => {
        if (isRedacted !== true) await this.#overwrite(this.stream, sequence);
        const old = before[i]?.sequence;
        if (old !== undefined && old !== stored[i]) await this.#overwrite(this.name, old);
      }),
    );
  }

  #copyOf({ sequence, storedAtMs, data }: LogMessage): Append {
    const copy = new Uint8Array(TIME_BYTES + data.length);
    new DataView(copy.buffer).setFloat64(0, storedAtMs, true);
    copy.set(data, TIME_BYTES);
    return { id: crypto.randomUUID(), data: copy, subject: this.subject(sequence) };
  }

  #beginAt(first: number): Append {
    const data = new TextEncoder().encode(String(first));
    return { id: crypto.randomUUID(), data, subject: this.subject(BEGIN) };
  }

  /** A message that is not there any more was deleted before. */
  async #overwrite(stream: string, sequence: number): Promise<void> {
    try {
      await this.#jsm.streams.deleteMessage(stream, sequence, true);
    } catch (thrown) {
      if (!(thrown instanceof JetStreamApiError)) throw thrown;
      if ((await this.#stored.find(stream, { seq: sequence })) !== undefined) throw thrown;
    }
  }

  async #last(subject: string): Promise<StoredMessage | undefined> {
    try {
      return await this.#stored.find(this.name, { last_by_subj: subject });
    } catch (thrown) {
      if (isNoStream(thrown)) return undefined;
      throw thrown;
    }
  }

  /** Subjects with the number of their messages; undefined if nothing was ever redacted. */
  async #subjects(): Promise<ReadonlyMap<string, number> | undefined> {
    try {
      const { state } = await this.#jsm.streams.info(this.name, { subjects_filter: this.subject("*") });
      return new Map(Object.entries(state.subjects ?? {}));
    } catch (thrown) {
      if (isNoStream(thrown)) return undefined;
      throw thrown;
    }
  }

  #sequenceOf(subject: string): number {
    const word = subject.slice(this.name.length + 1);
    return word === BEGIN ? Number.POSITIVE_INFINITY : Number(word);
  }
}

function isNoStream(thrown: unknown): boolean {
  return thrown instanceof JetStreamApiError && thrown.code === STREAM_NOT_FOUND;
}
