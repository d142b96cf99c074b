import { type MsgHdrs, headers as natsHeaders } from "@nats-io/transport-node";
import { type BackOff, waitMs } from "./back-off.ts";
import type { CurrentTrace, TraceFields } from "./propagation.ts";
import type { Requests } from "./requests.ts";
import { aborted, ResonanceError } from "./resonance-error.ts";
import { MSGPACK, readReply } from "./wire.ts";

/** What a caller may say of any question. */
export type AskOptions = Readonly<{
  /** With all attempts. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}>;

/** One attempt waits no longer: a gateway that died with the question never answers it. */
const ATTEMPT_MS = 2_500;
/**
 * What is worked out for seconds on a busy machine, most of all the first time: asked anew it would only take longer. So
 * there is one attempt, and more time for it unless the caller says otherwise.
 */
const WORKED_OUT = ["explain", "profiles"];
const WORKED_OUT_MS = 20_000;
const BACK_OFF: BackOff = { firstMs: 25, mostMs: 500 };

/** Questions that change nothing: what may pass by itself is asked again until the time is up. */
export class Questions {
  readonly #requests: Requests;
  readonly #prefix: string;
  readonly #trace: CurrentTrace;
  readonly #timeoutMs: number;

  constructor(
    requests: Requests,
    given: Readonly<{ prefix: string; trace: CurrentTrace; timeoutMs: number }>,
  ) {
    this.#requests = requests;
    this.#prefix = given.prefix;
    this.#trace = given.trace;
    this.#timeoutMs = given.timeoutMs;
  }

  /** When a question that is asked now has to be answered, by the monotonic clock. */
  deadlineOf({ timeoutMs = this.#timeoutMs }: AskOptions): number {
    return performance.now() + timeoutMs;
  }

  /** Asks a public endpoint until it answers, or the time is up. @throws ResonanceError. */
  async ask(endpoint: string, body: object | Uint8Array, how: AskOptions = {}): Promise<unknown> {
    if (!WORKED_OUT.includes(endpoint))
      return this.askUntil(this.deadlineOf(how), endpoint, body, how.signal);
    return this.askPatiently(endpoint, body, how);
  }

  /** Asks for what takes its time. @throws ResonanceError. */
  askPatiently(endpoint: string, body: object, { timeoutMs, signal }: AskOptions): Promise<unknown> {
    const allMs = timeoutMs ?? Math.max(this.#timeoutMs, WORKED_OUT_MS);
    return this.askUntil(performance.now() + allMs, endpoint, body, signal, allMs);
  }

  async askUntil(
    deadlineMs: number,
    endpoint: string,
    body: object | Uint8Array,
    signal: AbortSignal | undefined,
    attemptMs = ATTEMPT_MS,
  ): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      const leftMs = Math.max(1, deadlineMs - performance.now());
      try {
        return await this.askOnce(endpoint, body, { timeoutMs: Math.min(leftMs, attemptMs), signal });
      } catch (thrown) {
        if (!(thrown instanceof ResonanceError) || !thrown.retryable) throw thrown;
        const pauseMs = waitMs(BACK_OFF, attempt, thrown.retryAfterMs, Math.random());
        if (performance.now() + pauseMs >= deadlineMs) throw thrown;
        await pause(pauseMs, signal);
      }
    }
  }

  /** Asks once. @param body - A value for JSON, or bytes of MessagePack. */
  async askOnce(
    endpoint: string,
    body: object | Uint8Array | string,
    { timeoutMs, signal }: Readonly<{ timeoutMs: number; signal?: AbortSignal | undefined }>,
  ): Promise<unknown> {
    const isPacked = body instanceof Uint8Array;
    const headers = headersOf(isPacked ? { "Content-Type": MSGPACK } : undefined, this.#trace());
    const data = isPacked || typeof body === "string" ? body : JSON.stringify(body);
    const subject = `${this.#prefix}.v1.${endpoint}`;
    const asking = { timeoutMs, signal, ...(headers === undefined ? {} : { headers }) };
    return readReply(await this.#requests.ask(subject, data, asking));
  }
}

/** The fields as headers of a message; undefined if there are none, since a header costs more than the rest of a request. */
export function headersOf(...fields: readonly (TraceFields | undefined)[]): MsgHdrs | undefined {
  let headers: MsgHdrs | undefined;
  for (const some of fields) {
    if (some === undefined) continue;
    headers ??= natsHeaders();
    for (const [name, value] of Object.entries(some)) headers.set(name, value);
  }
  return headers;
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const gaveUp = (): void => {
      clearTimeout(timer);
      if (signal !== undefined) reject(aborted(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", gaveUp);
      resolve();
    }, ms);
    signal?.addEventListener("abort", gaveUp, { once: true });
  });
}
