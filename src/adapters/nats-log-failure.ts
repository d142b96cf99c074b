import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { EngineError } from "../kernel/engine-error.ts";
import { denialIn, forbiddenByServer } from "./nats-denial.ts";

/** The status with which a server says that it can't do something for the moment, as in HTTP. */
const UNAVAILABLE = 503;

/**
 * The log could not be reached, or did not confirm: what was sent may or may not be stored. `FORBIDDEN` if the server
 * does not let this user do it.
 */
export function logUnavailable(stream: string, cause: unknown): EngineError<"LOG_UNAVAILABLE" | "FORBIDDEN"> {
  const denial = denialIn(cause);
  if (denial !== undefined) return forbiddenByServer(denial.subject, denial);
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EngineError({
    code: "LOG_UNAVAILABLE",
    message: `stream ${stream} did not answer: ${reason}`,
    retryable: true,
    detail: { stream },
    cause,
  });
}

/** Whether a failure may pass by itself: the connection broke, no answer came, or a stream elects its leader. */
export function isPassing(thrown: unknown): boolean {
  if (denialIn(thrown) !== undefined) return false;
  if (thrown instanceof JetStreamApiError) return thrown.status === UNAVAILABLE;
  if (thrown instanceof errors.TimeoutError || thrown instanceof errors.RequestError) return true;
  return isUnanswered(thrown);
}

/** Whether nobody listens on the subject: its stream has no leader at the moment, or there is no such stream. */
export function isUnanswered(thrown: unknown): boolean {
  // JetStream's client says that "jetstream is not enabled", and has the failed request as the cause.
  const request =
    thrown instanceof Error && thrown.cause instanceof Error ? [thrown, thrown.cause] : [thrown];
  return request.some((error) => error instanceof errors.RequestError && error.isNoResponders());
}
