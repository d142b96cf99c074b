import type { WireError } from "../kernel/engine-error.ts";

/** A request as a server sees it. */
export type BusRequest = Readonly<{
  subject: string;
  data: Uint8Array;
  /** Value of the `Content-Type` header; empty if absent. */
  contentType: string;
}>;

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
    handler: (request: BusRequest) => Promise<BusReply> | BusReply,
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
  publish(subject: string, data: Uint8Array): void;
  /** Calls back for each message on a subject, which may end in `>`. */
  subscribe(
    subject: string,
    handler: (subject: string, data: Uint8Array) => void,
  ): Promise<{ close(): Promise<void> }>;
}
