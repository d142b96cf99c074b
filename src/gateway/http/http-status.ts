import type { WireError } from "../../kernel/engine-error.ts";

/** Codes that HTTP has a number of its own for; docs/http.md lists them. */
const STATUS_OF: Readonly<Record<string, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  UNKNOWN_ROUTE: 404,
  REQUEST_TIMEOUT: 408,
  TOO_LARGE: 413,
  MESSAGE_TOO_LARGE: 413,
  UNSUPPORTED_CONTENT_TYPE: 415,
  UNSUPPORTED_ENCODING: 415,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  ASSERTION_FAILED: 500,
  TIMEOUT: 504,
};

/** The HTTP status of a failure: of what may pass by itself 503, of any other 400, unless its code has its own. */
export function httpStatusOf({ code, retryable }: Pick<WireError, "code" | "retryable">): number {
  return STATUS_OF[code] ?? (retryable ? 503 : 400);
}

/** The value of `Retry-After`, whole seconds; undefined if nobody knows. */
export function retryAfterSeconds({ detail }: Pick<WireError, "detail">): number | undefined {
  const ms = detail?.["retryAfterMs"];
  return typeof ms === "number" ? Math.max(1, Math.ceil(ms / 1_000)) : undefined;
}
