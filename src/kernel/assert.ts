import { EngineError } from "./engine-error.ts";

/** A bug: something that the code relies on does not hold. The supervisor restarts the actor. */
export class AssertionFailed extends EngineError<"ASSERTION_FAILED"> {
  constructor(message: string) {
    super({ code: "ASSERTION_FAILED", message, retryable: false });
  }
}

/**
 * States what must hold, in production too.
 *
 * @throws {@link AssertionFailed} if it does not.
 */
export function assert(holds: unknown, message: string): asserts holds {
  if (!holds) throw new AssertionFailed(message);
}

/** Closes a switch over a union: the compiler proves that no variant is left. */
export function assertNever(variant: never): never {
  // Its fields may be somebody's: the kind says enough.
  const { kind } = Object(variant) as { kind?: unknown };
  throw new AssertionFailed(
    `a variant that the types exclude, of kind ${typeof kind === "string" ? kind.slice(0, 40) : typeof variant}`,
  );
}
