/**
 * What failed: at the engine, whose codes docs/errors.md lists, or here (docs/sdk.md). Branch on `code`, never on the
 * message.
 */
export class ResonanceError extends Error {
  readonly code: string;
  /** Whether the same may succeed a little later. */
  readonly retryable: boolean;
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(given: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    readonly detail?: Readonly<Record<string, unknown>>;
    readonly cause?: unknown;
  }) {
    super(given.message, given.cause === undefined ? undefined : { cause: given.cause });
    this.name = "ResonanceError";
    this.code = given.code;
    this.retryable = given.retryable;
    this.detail = given.detail ?? {};
  }

  /** How long the engine asks to wait before the next attempt, ms; 0 if it does not say. */
  get retryAfterMs(): number {
    const { retryAfterMs } = this.detail;
    return typeof retryAfterMs === "number" && retryAfterMs > 0 ? retryAfterMs : 0;
  }
}

/** The error of a request that its caller gave up. */
export function aborted(signal: AbortSignal): ResonanceError {
  const cause: unknown = signal.reason;
  return new ResonanceError({
    code: "ABORTED",
    message: "the caller gave the request up",
    retryable: false,
    cause,
  });
}

/** The error of what is asked of a client that is closed. */
export function closed(): ResonanceError {
  return new ResonanceError({ code: "CLOSED", message: "this client is closed", retryable: false });
}
