import type { BusReply, BusRequest, RequestHandler } from "../actors/bus.ts";
import { EngineError, toWireError } from "../kernel/engine-error.ts";

const NOTHING = new Uint8Array();

/**
 * A handler's reply; what it throws becomes an error reply of the request's content type. What a handler has at once is
 * returned at once: a promise for each request costs more than many an answer.
 */
export function answerRequest(
  handler: RequestHandler,
  request: BusRequest,
): Promise<BusReply | undefined> | BusReply | undefined {
  try {
    const answer = handler(request);
    return answer instanceof Promise
      ? answer.catch((thrown) => failedReply(thrown, request.contentType))
      : answer;
  } catch (thrown) {
    return failedReply(thrown, request.contentType);
  }
}

/** The reply that tells of a failure. */
export function failedReply(thrown: unknown, contentType: string): BusReply {
  return { data: NOTHING, contentType, error: toWireError(thrown) };
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
