import { errors } from "@nats-io/transport-node";
import { EngineError } from "../kernel/engine-error.ts";
import type { Denial } from "./nats-connectivity.ts";

/** The server lets this user not do what was wanted. */
export function forbiddenByServer(subject: string, cause: Error): EngineError<"FORBIDDEN"> {
  const message = `the NATS server does not let this user use ${subject}: connect with a role that may, see docs/security.md`;
  return new EngineError({ code: "FORBIDDEN", message, retryable: false, detail: { subject }, cause });
}

/** The server's denial that a failure comes from; undefined if it comes from something else. */
export function denialIn(thrown: unknown): Denial | undefined {
  if (thrown instanceof errors.PermissionViolationError) return thrown;
  return thrown instanceof Error && thrown.cause !== undefined ? denialIn(thrown.cause) : undefined;
}
