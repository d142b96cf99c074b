/** Why something from outside was not taken: a stable code, and a sentence that says where and what to do. */
export type Refusal = Readonly<{ kind: "refused"; code: RefusalCode; message: string }>;

/** docs/errors.md tells what each means and what to do about it. */
export type RefusalCode =
  | "NOT_AN_OBJECT"
  | "UNKNOWN_FIELD"
  | "MISSING_FIELD"
  | "WRONG_TYPE"
  | "BAD_ID"
  | "BAD_TEXT"
  | "BAD_NAME"
  | "BAD_NUMBER"
  | "BAD_TIMESTAMP"
  | "BAD_LOCATION"
  | "BAD_DECISION"
  | "TOO_LONG"
  | "TOO_MANY"
  | "TOO_LARGE"
  | "TOO_DEEP"
  | "FORBIDDEN_KEY"
  | "MALFORMED_JSON"
  | "MALFORMED_MSGPACK"
  | "UNSUPPORTED_CONTENT_TYPE"
  | "NOT_SUPPORTED"
  | "NOT_FOR_US";

/** A refusal. */
export function refuse(code: RefusalCode, message: string): Refusal {
  return { kind: "refused", code, message };
}
