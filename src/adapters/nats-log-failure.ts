import { EngineError } from "../kernel/engine-error.ts";

/** The log could not be reached, or did not confirm: what was sent may or may not be stored. */
export function logUnavailable(stream: string, cause: unknown): EngineError<"LOG_UNAVAILABLE"> {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EngineError({
    code: "LOG_UNAVAILABLE",
    message: `stream ${stream} did not answer: ${reason}`,
    retryable: true,
    detail: { stream },
    cause,
  });
}
