import { withoutQuotes } from "./without-quotes.ts";

/** An error as plain data: what is left of it when it crosses a thread or the wire. */
export type WireError = Readonly<{
  code: string;
  message: string;
  retryable: boolean;
  detail?: Readonly<Record<string, unknown>>;
}>;

/**
 * A failed operation. Callers branch on `code`, never on the message; docs/errors.md lists the codes.
 *
 * A worker thread strips an error of its class and fields, so send {@link EngineError.toWire} instead.
 */
export class EngineError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly retryable: boolean;
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(given: {
    readonly code: Code;
    readonly message: string;
    readonly retryable: boolean;
    readonly detail?: Readonly<Record<string, unknown>>;
    readonly cause?: unknown;
  }) {
    super(given.message, given.cause === undefined ? undefined : { cause: given.cause });
    this.name = new.target.name;
    this.code = given.code;
    this.retryable = given.retryable;
    this.detail = given.detail ?? {};
  }

  toWire(): WireError {
    return { code: this.code, message: this.message, retryable: this.retryable, detail: this.detail };
  }
}

/**
 * Any thrown value as plain data; what is not an {@link EngineError} becomes `INTERNAL`, and what its message quotes is left out: that
 * goes to whoever asked, and into logs.
 */
export function toWireError(thrown: unknown): WireError {
  if (thrown instanceof EngineError) return thrown.toWire();
  return { code: "INTERNAL", message: withoutQuotes(thrown), retryable: true };
}

/** The error that a {@link WireError} was made from. */
export function fromWireError(wire: WireError): EngineError {
  return new EngineError(wire);
}
