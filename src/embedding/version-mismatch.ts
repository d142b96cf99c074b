import { EngineError } from "../kernel/engine-error.ts";

/** Vectors of two encoder versions met. Their dimensions mean different things, so no number can come of it. */
export class VersionMismatch extends EngineError<"VERSION_MISMATCH"> {
  constructor(detail: { readonly expected: string; readonly actual: string }) {
    const message = `expected vectors of encoder ${detail.expected}, got ${detail.actual}`;
    super({ code: "VERSION_MISMATCH", message, retryable: false, detail });
  }
}
