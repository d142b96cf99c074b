import type { WireError } from "../kernel/engine-error.ts";

/** A request as a server sees it. */
export type BusRequest = Readonly<{
  subject: string;
  data: Uint8Array;
  /** Value of the `Content-Type` header; empty if absent. */
  contentType: string;
  /** Where the answer is waited for: see {@link Bus.answer}. Absent if the request did not come over a bus. */
  replyTo?: string;
  /** Who sends it, as far as is told. */
  producer?: Producer;
  /** The trace that it is a part of, as its sender says; absent if no traces are recorded here. */
  traceparent?: string;
}>;

/** Who sends requests; how much they may send is counted by the name. */
export type Producer = Readonly<{
  /** Of a key that was shown, or what the sender says of itself; 64 characters at most. */
  name: string;
  /** What this one may send a second, if that is not what all may. */
  rate?: Readonly<{ perSecond: number; burst: number }>;
}>;

/** What answers the requests on a subject; undefined if the answer comes from elsewhere, by {@link Bus.answer}. */
export type RequestHandler = (request: BusRequest) => Promise<BusReply | undefined> | BusReply | undefined;

export type BusReply = Readonly<{ data: Uint8Array; contentType: string; error?: WireError }>;

/** Fire-and-forget messages and request/reply between actors and with services. */
export interface Bus {
  /**
   * Answers requests on a subject until closed. A handler that throws answers with the error as wire data.
   *
   * @param options - `queue`: share the requests with other servers of the same queue.
   */
  serve(
    subject: string,
    handler: RequestHandler,
    options?: Readonly<{ queue?: string }>,
  ): Promise<{ close(): Promise<void> }>;
  /**
   * @throws EngineError `NO_RESPONDERS` or `TIMEOUT`, both retryable.
   */
  request(
    subject: string,
    data: Uint8Array,
    options: Readonly<{ timeoutMs: number; contentType?: string }>,
  ): Promise<BusReply>;
  /**
   * Answers a request in the place of whom it was sent to. Of several answers the first one counts.
   *
   * @param replyTo - The request's own.
   * @throws EngineError `MESSAGE_TOO_LARGE`.
   */
  answer(replyTo: string, reply: BusReply): void;
  publish(subject: string, data: Uint8Array): void;
  /** Calls back for each message on a subject, which may end in `>`. */
  subscribe(
    subject: string,
    handler: (subject: string, data: Uint8Array) => void,
  ): Promise<{ close(): Promise<void> }>;
}
