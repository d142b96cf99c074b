import type { JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import { errors, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import type { LogMessage } from "../actors/log.ts";
import { abilitiesOf } from "./nats-connection.ts";

/** A message as a stream holds it. */
export type StoredMessage = Readonly<{
  sequence: number;
  /** The server's time, epoch ms. */
  storedAtMs: number;
  data: Uint8Array;
  headers: MsgHdrs;
}>;
type Query = Parameters<JetStreamManager["streams"]["getMessage"]>[1];

/** Messages asked for at the same time. */
const ASKED_AT_ONCE = 64;
/** Messages, and their bytes, that one request is answered with at most. */
const GROUP = { messages: 1_024, bytes: 4_194_304 } as const;
/** The server's codes for the end of such a group, and for nothing there. */
const END_OF_GROUP = 204;
const NOT_FOUND = 404;
/** The header of a message in a group that tells the one before. */
const LAST = "Nats-Last-Sequence";
const PATIENCE_MS = 5_000;
/** An operator may give a stream more copies at any time. */
const ASKED_AGAIN_MS = 30_000;

/**
 * Lets single messages of a stream be asked for past the server's queue of administrative requests, where each waits for those
 * that came before: while messages are erased, for each of which newer servers write a file of up to 8 MiB anew (seen with
 * 2.15), that is a tenth of a second and more. Not where a stream has copies: any of them would answer, also one that lacks the
 * newest.
 */
export async function readDirectly(
  jsm: JetStreamManager,
  { name, num_replicas, allow_direct }: Pick<StreamConfig, "name" | "num_replicas" | "allow_direct">,
): Promise<void> {
  const isAlone = num_replicas === 1;
  if (allow_direct !== isAlone) await jsm.streams.update(name, { allow_direct: isAlone });
}

/** Single messages of streams, by the fastest way that tells the newest state. */
export class StoredMessages {
  readonly #nc: NatsConnection;
  readonly #jsm: JetStreamManager;
  /** Whether a stream lets itself be read directly, and when that was asked. */
  readonly #isDirect = new Map<string, Readonly<{ allowed: Promise<boolean>; askedAtMs: number }>>();

  constructor(nc: NatsConnection, jsm: JetStreamManager) {
    this.#nc = nc;
    this.#jsm = jsm;
  }

  /**
   * The message that a query is of; undefined if there is none.
   *
   * @throws What the client throws: the stream is missing, or out of reach.
   */
  async find(stream: string, query: Query): Promise<StoredMessage | undefined> {
    const direct = () => this.#jsm.direct.getMessage(stream, query as never); // Its types leave some queries out.
    const administratively = () => this.#jsm.streams.getMessage(stream, query);
    const found = await this.#directly<Awaited<ReturnType<typeof administratively>>>(
      stream,
      direct,
      administratively,
    );
    if (found === null) return undefined;
    const { seq: sequence, time, data, header: headers } = found;
    return { sequence, storedAtMs: time.getTime(), data: plain(data), headers };
  }

  /**
   * The messages at some places of a stream, in that order.
   *
   * @param instead - Tells what takes the place of one that is not there.
   */
  async at(
    stream: string,
    sequences: readonly number[],
    instead: (sequence: number) => Promise<LogMessage | undefined> = async () => undefined,
  ): Promise<LogMessage[]> {
    const found: LogMessage[] = [];
    const ask = async (seq: number): Promise<LogMessage | undefined> => {
      const message = await this.find(stream, { seq });
      if (message === undefined) return instead(seq);
      const { sequence, storedAtMs, data } = message;
      return { sequence, storedAtMs, data };
    };
    for (let at = 0; at < sequences.length; at += ASKED_AT_ONCE)
      for (const message of await Promise.all(sequences.slice(at, at + ASKED_AT_ONCE).map(ask)))
        if (message !== undefined) found.push(message);
    return found;
  }

  /** Whether {@link group} can be asked of a stream. */
  async tellsGroups(stream: string): Promise<boolean> {
    return abilitiesOf(this.#nc).groupsOfMessages && (await this.#allowsDirect(stream));
  }

  /**
   * The first messages of a stream from a place on, without a consumer, which the servers take longer to make and to remove
   * than to read a few thousand messages.
   *
   * @returns Nothing once there are no more.
   * @throws What the client throws; TimeoutError if some of them did not arrive.
   */
  async group(stream: string, from: number): Promise<readonly StoredMessage[]> {
    const { apiPrefix, timeout: maxWait = PATIENCE_MS } = this.#jsm.getOptions();
    const asked = { seq: from, next_by_subj: ">", batch: GROUP.messages, max_bytes: GROUP.bytes };
    const how = { strategy: "sentinel" as const, maxWait };
    const found: StoredMessage[] = [];
    const subject = `${apiPrefix}.DIRECT.GET.${stream}`;
    for await (const { data, headers } of await this.#nc.requestMany(subject, JSON.stringify(asked), how)) {
      if (headers?.code === NOT_FOUND) return found;
      if (headers?.code === END_OF_GROUP) {
        if (Number(headers.get(LAST)) === found.at(-1)?.sequence) return found;
        break;
      }
      if (headers === undefined || headers.code !== 0) break;
      if (found.length > 0 && Number(headers.get(LAST)) !== found.at(-1)?.sequence) break;
      found.push({
        sequence: Number(headers.get("Nats-Sequence")),
        storedAtMs: Date.parse(headers.get("Nats-Time-Stamp")),
        data: plain(data),
        headers,
      });
    }
    throw new errors.TimeoutError();
  }

  /** The last sequence of a stream, also if its message was deleted; 0 if nothing was ever stored. */
  async last(stream: string): Promise<number> {
    const told = async (): Promise<number> => (await this.#jsm.streams.info(stream)).state.last_seq;
    const direct = async (): Promise<number> => {
      const subject = `${this.#jsm.getOptions().apiPrefix}.DIRECT.GET.${stream}`;
      const { timeout = 0 } = this.#jsm.getOptions();
      // The message at the last sequence, or none if that was deleted.
      const { headers } = await this.#nc.request(subject, '{"last_by_subj":">"}', { timeout });
      if (headers?.code === NOT_FOUND) return told();
      return Number(headers?.get("Nats-Sequence"));
    };
    return this.#directly(stream, direct, told);
  }

  async #directly<Result>(
    stream: string,
    direct: () => Promise<Result>,
    administratively: () => Promise<Result>,
  ): Promise<Result> {
    if (!(await this.#allowsDirect(stream))) return administratively();
    try {
      return await direct();
    } catch (thrown) {
      if (!(thrown instanceof errors.RequestError || thrown instanceof errors.TimeoutError)) throw thrown;
      this.#isDirect.delete(stream); // It may have been changed meanwhile.
      return administratively();
    }
  }

  #allowsDirect(stream: string): Promise<boolean> {
    const known = this.#isDirect.get(stream);
    const nowMs = performance.now();
    if (known !== undefined && nowMs - known.askedAtMs < ASKED_AGAIN_MS) return known.allowed;
    const allowed = this.#jsm.streams
      .info(stream)
      .then(({ config }) => config.allow_direct === true && config.num_replicas === 1);
    this.#isDirect.set(stream, { allowed, askedAtMs: nowMs });
    allowed.catch(() => this.#isDirect.delete(stream));
    return allowed;
  }
}

/** Not a Buffer, whose `slice` is no copy. */
function plain(data: Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
