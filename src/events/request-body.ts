import { EngineError } from "../kernel/engine-error.ts";
import type { Refusal } from "./refusal.ts";

/** The request as a whole was refused; the caller is told with the refusal's code. */
export function refused({
  code,
  message,
}: Refusal | { readonly code: string; readonly message: string }): EngineError {
  return new EngineError({ code, message, retryable: false });
}

/**
 * The fields of a request. What the endpoint does not know is refused: a typo must not pass silently.
 *
 * @throws EngineError `NOT_AN_OBJECT`, `UNKNOWN_FIELD`.
 */
export function fieldsOf(body: unknown, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw refused({ code: "NOT_AN_OBJECT", message: "the request must be an object" });
  }
  for (const [place, field] of Object.keys(body).entries()) {
    if (known.includes(field)) continue;
    throw refused({
      code: "UNKNOWN_FIELD",
      message: `field number ${place + 1} is none of this request: it takes ${known.join(", ")}`,
    });
  }
  return body as Readonly<Record<string, unknown>>;
}
