import { checkId } from "../events/check-text.ts";
import { refused } from "../events/request-body.ts";

/** Values behind the `?` of a request, or in its path. */
type Given = Readonly<Record<string, string>>;

/** A name or id that has to be there. @throws EngineError `MISSING_FIELD`, and what ids are refused by. */
export function namedIn(given: Given, field: string): string {
  const value = given[field];
  if (value === undefined || value === "")
    throw refused({ code: "MISSING_FIELD", message: `${field} is missing` });
  const refusal = checkId(value, field);
  if (refusal !== undefined) throw refused(refusal);
  return value;
}

/** A whole number from 1 on; undefined if it is not there. @throws EngineError `WRONG_TYPE`. */
export function countIn(given: Given, field: string): number | undefined {
  const value = given[field];
  if (value === undefined || value === "") return undefined;
  const count = Number(value);
  if (!Number.isSafeInteger(count) || count < 1)
    throw refused({ code: "WRONG_TYPE", message: `${field} must be a whole number from 1 on` });
  return count;
}
