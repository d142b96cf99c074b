import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import { newInbox } from "../../src/adapters/nats-peer.ts";
import { PATIENCE_MS } from "./load-result.ts";

/** Sends requests and tells of each answer; two kinds, see {@link LeanClient} and {@link libraryClient}. */
export type RequestClient = Readonly<{
  send(subject: string, data: Uint8Array, headers: MsgHdrs | undefined, answered: Answered): void;
  close(): void;
}>;

/** Whether a request was answered in order. */
export type Answered = (isGood: boolean, data: Uint8Array) => void;

/** How often old requests are looked for. */
const LOOK_MS = 1_000;
/** The first letters of `code`. */
const CODE = [0x63, 0x6f, 0x64] as const;

/**
 * Requests at the least cost: one subscription, no promise and no timer each, so that what is measured is the one who
 * answers. Ceilings and scenarios use the same client.
 */
export class LeanClient implements RequestClient {
  readonly #nc: NatsConnection;
  readonly #inbox: string;
  readonly #waiting: (Waiting | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #watchdog: NodeJS.Timeout;

  private constructor(nc: NatsConnection) {
    this.#nc = nc;
    this.#inbox = newInbox(nc);
    const at = this.#inbox.length + 1;
    nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#settle(Number(message.subject.slice(at)), message);
      },
    });
    this.#watchdog = setInterval(() => this.#giveUpOld(), LOOK_MS);
  }

  static async over(nc: NatsConnection): Promise<LeanClient> {
    const client = new LeanClient(nc);
    await nc.flush();
    return client;
  }

  send(subject: string, data: Uint8Array, headers: MsgHdrs | undefined, answered: Answered): void {
    const slot = this.#free.pop() ?? this.#waiting.length;
    this.#waiting[slot] = { answered, sentMs: performance.now() };
    const reply = `${this.#inbox}.${slot}`;
    this.#nc.publish(subject, data, headers === undefined ? { reply } : { reply, headers });
  }

  close(): void {
    clearInterval(this.#watchdog);
  }

  #settle(slot: number, message: Msg): void {
    const waiting = this.#waiting[slot];
    if (waiting === undefined) return; // Given up before.
    this.#waiting[slot] = undefined;
    this.#free.push(slot);
    const { data } = message;
    waiting.answered(!isErrorReply(data), data);
  }

  /** The slot is not used again: its answer may still come. */
  #giveUpOld(): void {
    const nowMs = performance.now();
    for (const [slot, waiting] of this.#waiting.entries()) {
      if (waiting === undefined || nowMs - waiting.sentMs < PATIENCE_MS) continue;
      this.#waiting[slot] = undefined;
      waiting.answered(false, new Uint8Array());
    }
  }
}

/** The client library's own requests, as most services send them: a promise and a timer each. */
export function libraryClient(nc: NatsConnection): RequestClient {
  return {
    send(subject, data, headers, answered) {
      const how = { timeout: PATIENCE_MS, ...(headers === undefined ? {} : { headers }) };
      nc.request(subject, data, how).then(
        (message) => answered(!isErrorReply(message.data), message.data),
        () => answered(false, new Uint8Array()),
      );
    },
    close() {},
  };
}

type Waiting = Readonly<{ answered: Answered; sentMs: number }>;

/**
 * An error reply begins with its code, in JSON as in MessagePack; "no responders" is empty. Told by the bytes, since
 * reading headers costs more than everything else that is done with a reply here.
 */
function isErrorReply(data: Uint8Array): boolean {
  if (data.length === 0) return true;
  const at = data[0] === 0xde ? 4 : 2; // MessagePack's map of 16-bit size has three bytes in front.
  return CODE.every((letter, i) => data[at + i] === letter);
}
