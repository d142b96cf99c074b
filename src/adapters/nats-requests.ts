import { errors, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { EngineError } from "../kernel/engine-error.ts";
import { noResponders, timedOut } from "./answer-request.ts";
import { type Denial, isConnected, onBreak, onDenial, untilConnected } from "./nats-connectivity.ts";
import { forbiddenByServer } from "./nats-denial.ts";
import { newInbox } from "./nats-peer.ts";

type Waiting = Readonly<{
  resolve(message: Msg): void;
  reject(error: Error): void;
  subject: string;
  timer: NodeJS.Timeout;
}>;

const NO_RESPONDERS_STATUS = 503;

/**
 * Requests over one connection that share an inbox. The client's own would do, but makes an error with a stack trace and
 * five promises for every request that is answered, and tells none of them when the connection breaks.
 */
export class NatsRequests {
  readonly #nc: NatsConnection;
  readonly #waiting = new Map<string, Waiting>();
  #inbox = "";
  #last = 0;

  constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  /**
   * @throws EngineError `NO_RESPONDERS`, `TIMEOUT`, `FORBIDDEN` if the server does not let it through; what the client throws for a message that is too large.
   */
  async request(
    subject: string,
    data: Uint8Array,
    {
      timeoutMs,
      headersFor,
    }: Readonly<{ timeoutMs: number; headersFor(replyTo: string): { headers?: MsgHdrs } }>,
  ): Promise<Msg> {
    let leftMs = timeoutMs;
    if (!isConnected(this.#nc)) {
      const startedMs = performance.now();
      await untilConnected(this.#nc, timeoutMs);
      leftMs -= performance.now() - startedMs;
    }
    if (this.#nc.isClosed() || this.#nc.isDraining())
      throw noResponders(subject, new errors.ClosedConnectionError());
    if (this.#inbox === "") this.#listen();
    const token = (++this.#last).toString(36);
    return new Promise((resolve, reject) => {
      const expire = (): void => this.#fail(token, timedOut(subject, timeoutMs));
      const timer = setTimeout(expire, Math.max(1, leftMs));
      this.#waiting.set(token, { resolve, reject, subject, timer });
      try {
        const reply = this.#inbox + token;
        this.#nc.publish(subject, data, { reply, ...headersFor(reply) });
      } catch (thrown) {
        this.#fail(token, thrown instanceof Error ? thrown : new Error(String(thrown)));
      }
    });
  }

  #listen(): void {
    const inbox = `${newInbox(this.#nc)}.`;
    this.#inbox = inbox;
    this.#nc.subscribe(`${inbox}*`, {
      callback: (error, message) => {
        if (error !== null) return; // The server does not let it listen: the denial tells.
        this.#answered(message.subject.slice(inbox.length), message);
      },
    });
    onDenial(this.#nc, (denial) => this.#denied(denial));
    onBreak(this.#nc, () => this.#failAll(new errors.RequestError("the connection broke before the answer")));
    void this.#nc.closed().then(() => this.#failAll(new errors.ClosedConnectionError()));
  }

  /** The server tells what it did not let through beside the answers, and the client's own requests only. */
  #denied(denial: Denial): void {
    if (denial.operation === "subscription") {
      if (denial.subject.startsWith(this.#inbox)) this.#failAll(forbiddenByServer(denial.subject, denial));
      return;
    }
    for (const [token, { subject }] of this.#waiting)
      if (subject === denial.subject) this.#fail(token, forbiddenByServer(subject, denial));
  }

  #answered(token: string, message: Msg): void {
    const waiting = this.#waiting.get(token);
    if (waiting === undefined) return; // Answered before, or given up.
    this.#waiting.delete(token);
    clearTimeout(waiting.timer);
    const isNobody = message.data.length === 0 && message.headers?.code === NO_RESPONDERS_STATUS;
    if (isNobody) waiting.reject(noResponders(waiting.subject));
    else waiting.resolve(message);
  }

  #fail(token: string, error: Error): void {
    const waiting = this.#waiting.get(token);
    if (waiting === undefined) return;
    this.#waiting.delete(token);
    clearTimeout(waiting.timer);
    waiting.reject(error);
  }

  #failAll(cause: Error): void {
    for (const [token, { subject }] of this.#waiting)
      this.#fail(token, cause instanceof EngineError ? cause : noResponders(subject, cause));
  }
}
