import { EngineError } from "../kernel/engine-error.ts";

/** A stream ends before what was read of it once. */
export function truncated(stream: string, wanted: number, last: number): EngineError {
  return new EngineError({
    code: "LOG_TRUNCATED",
    message: `stream ${stream} ends at ${last}, before sequence ${wanted}: messages that were stored once are gone`,
    retryable: false,
    detail: { stream, wanted, last },
  });
}

/** A stream begins behind what is asked for. */
export function trimmed(stream: string, wanted: number, first: number): EngineError {
  return new EngineError({
    code: "LOG_TRIMMED",
    message: `stream ${stream} begins at ${first}: sequence ${wanted} is held no more, start from a snapshot`,
    retryable: false,
    detail: { stream, wanted, first },
  });
}
