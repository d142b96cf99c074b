import { EngineError } from "../kernel/engine-error.ts";

/** Two vectors that must share a shape do not: features and weights are of different releases. */
export class DimensionMismatch extends EngineError<"DIMENSION_MISMATCH"> {
  constructor(detail: { readonly expected: number; readonly actual: number }) {
    const message = `expected shape [${detail.expected}], got [${detail.actual}]`;
    super({ code: "DIMENSION_MISMATCH", message, retryable: false, detail });
  }
}
