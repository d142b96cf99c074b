import { createInbox, errors, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { aborted, closed, ResonanceError } from "./resonance-error.ts";

/** How one request is asked. */
export type Asking = Readonly<{ timeoutMs: number; headers?: MsgHdrs; signal?: AbortSignal | undefined }>;

type Waiting = {
  readonly resolve: (message: Msg) => void;
  readonly reject: (error: Error) => void;
  readonly subject: string;
  readonly timer: NodeJS.Timeout;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: (() => void) | undefined;
};

const NO_RESPONDERS_STATUS = 503;

/**
 * Requests over one connection, which share one inbox. The NATS client's own make an error with a stack trace and five
 * promises for every request that is answered, and tell none of them when the connection breaks: each would run into
 * its whole time-out.
 */
export class Requests {
  readonly #nc: NatsConnection;
  readonly #inbox: string;
  readonly #waiting = new Map<string, Waiting>();
  readonly #listeners = new Set<(isUp: boolean) => void>();
  readonly #untilUp = new Set<() => void>();
  #isUp = true;
  #isListening = false;
  #last = 0;

  constructor(nc: NatsConnection, inboxPrefix: string | undefined) {
    this.#nc = nc;
    this.#inbox = `${createInbox(inboxPrefix)}.`;
    void this.#follow();
    void nc.closed().then(() => this.#broken(closed()));
  }

  /** Calls back whenever the connection breaks, or is back. @returns What ends that. */
  onConnection(listener: (isUp: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @throws ResonanceError `TIMEOUT`, `NO_RESPONDERS`, `CONNECTION_LOST` (retryable), `FORBIDDEN`, `MESSAGE_TOO_LARGE`, `ABORTED`, `CLOSED`. */
  async ask(subject: string, data: Uint8Array | string, asking: Asking): Promise<Msg> {
    const { signal, headers } = asking;
    let { timeoutMs } = asking;
    if (signal?.aborted === true) throw aborted(signal);
    if (!this.#isUp) timeoutMs -= await this.#connected(timeoutMs, signal);
    if (this.#nc.isClosed() || this.#nc.isDraining()) throw closed();
    if (!this.#isListening) this.#listen();
    const token = (++this.#last).toString(36);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(token, timedOut(subject, asking.timeoutMs)), timeoutMs);
      const onAbort = signal === undefined ? undefined : () => this.#fail(token, aborted(signal));
      if (onAbort !== undefined) signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.set(token, { resolve, reject, subject, timer, signal, onAbort });
      try {
        const reply = this.#inbox + token;
        this.#nc.publish(subject, data, headers === undefined ? { reply } : { reply, headers });
      } catch (thrown) {
        this.#fail(token, publishFailure(thrown, subject));
      }
    });
  }

  #listen(): void {
    this.#isListening = true;
    this.#nc.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => {
        if (error === null) this.#answered(message.subject.slice(this.#inbox.length), message);
      },
    });
  }

  /** Waits until the connection is up. @returns How long that took, ms. */
  async #connected(timeoutMs: number, signal: AbortSignal | undefined): Promise<number> {
    const sinceMs = performance.now();
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#untilUp.delete(up);
        signal?.removeEventListener("abort", gaveUp);
      };
      const up = (): void => {
        end();
        resolve();
      };
      const gaveUp = (): void => {
        end();
        reject(signal === undefined ? lost() : aborted(signal));
      };
      const timer = setTimeout(() => {
        end();
        reject(lost());
      }, timeoutMs);
      this.#untilUp.add(up);
      signal?.addEventListener("abort", gaveUp, { once: true });
    });
    return Math.min(timeoutMs - 1, performance.now() - sinceMs);
  }

  async #follow(): Promise<void> {
    for await (const status of this.#nc.status()) {
      if (status.type === "disconnect") this.#broken(lost());
      if (status.type === "reconnect") this.#back();
      if (status.type === "error" && status.error instanceof errors.PermissionViolationError)
        this.#denied(status.error);
    }
  }

  #broken(error: Error): void {
    const wasUp = this.#isUp;
    this.#isUp = this.#nc.isClosed(); // Nobody waits for a closed one to come back.
    for (const token of [...this.#waiting.keys()]) this.#fail(token, error);
    if (this.#nc.isClosed()) this.#wake();
    if (wasUp) for (const listener of this.#listeners) listener(false);
  }

  #back(): void {
    this.#isUp = true;
    this.#wake();
    for (const listener of this.#listeners) listener(true);
  }

  #wake(): void {
    for (const up of [...this.#untilUp]) up();
  }

  /** The server tells what it did not let through beside the answers. */
  #denied({ operation, subject, message }: InstanceType<typeof errors.PermissionViolationError>): void {
    const isInbox = operation === "subscription" && subject.startsWith(this.#inbox);
    for (const [token, waiting] of [...this.#waiting])
      if (isInbox || (operation === "publish" && waiting.subject === subject))
        this.#fail(token, forbidden(subject, message));
  }

  #answered(token: string, message: Msg): void {
    const waiting = this.#take(token);
    if (waiting === undefined) return; // Answered before, or given up.
    const isNobody = message.data.length === 0 && message.headers?.code === NO_RESPONDERS_STATUS;
    if (isNobody) waiting.reject(noResponders(waiting.subject));
    else waiting.resolve(message);
  }

  #fail(token: string, error: Error): void {
    this.#take(token)?.reject(error);
  }

  #take(token: string): Waiting | undefined {
    const waiting = this.#waiting.get(token);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(token);
    clearTimeout(waiting.timer);
    if (waiting.onAbort !== undefined) waiting.signal?.removeEventListener("abort", waiting.onAbort);
    return waiting;
  }
}

/** The error of what the NATS server does not let this user do. */
export function forbidden(subject: string, cause: unknown): ResonanceError {
  const message = `the NATS server does not let this user use ${subject}: connect with a role that may, see docs/security.md`;
  return new ResonanceError({ code: "FORBIDDEN", message, retryable: false, detail: { subject }, cause });
}

function timedOut(subject: string, timeoutMs: number): ResonanceError {
  const message = `no answer from ${subject} within ${Math.round(timeoutMs)} ms`;
  return new ResonanceError({ code: "TIMEOUT", message, retryable: true, detail: { subject } });
}

function noResponders(subject: string): ResonanceError {
  const message = `nobody answers ${subject}: is a node running, with this prefix?`;
  return new ResonanceError({ code: "NO_RESPONDERS", message, retryable: true, detail: { subject } });
}

function lost(): ResonanceError {
  const message = "the connection to NATS is lost, and is being made again";
  return new ResonanceError({ code: "CONNECTION_LOST", message, retryable: true });
}

function publishFailure(thrown: unknown, subject: string): ResonanceError {
  if (!(thrown instanceof errors.InvalidArgumentError)) return closed();
  const message = `a message of ${subject} is larger than the NATS server takes (max_payload)`;
  return new ResonanceError({ code: "MESSAGE_TOO_LARGE", message, retryable: false, cause: thrown });
}
