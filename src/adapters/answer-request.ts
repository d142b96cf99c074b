import type { BusReply, BusRequest } from "../actors/bus.ts";
import { EngineError, toWireError } from "../kernel/engine-error.ts";

/** What answers the requests on a subject. */
export type RequestHandler = (request: BusRequest) => Promise<BusReply> | BusReply;

/** A handler's reply; what it throws becomes an error reply of the request's content type. */
export async function answerRequest(handler: RequestHandler, request: BusRequest): Promise<BusReply> {
  try {
    return await handler(request);
  } catch (thrown) {
    return { data: new Uint8Array(), contentType: request.contentType, error: toWireError(thrown) };
  }
}

/** Nobody serves a subject, or nobody can be reached. */
export function noResponders(subject: string, cause?: unknown): EngineError<"NO_RESPONDERS"> {
  const message = `nobody answers on ${subject}`;
  return new EngineError({ code: "NO_RESPONDERS", message, retryable: true, detail: { subject }, cause });
}

/** No answer came in time; the request may have had its effect. */
export function timedOut(subject: string, timeoutMs: number, cause?: unknown): EngineError<"TIMEOUT"> {
  const message = `no answer on ${subject} within ${timeoutMs} ms`;
  return new EngineError({
    code: "TIMEOUT",
    message,
    retryable: true,
    detail: { subject, timeoutMs },
    cause,
  });
}
