import { LIMITS } from "./limits.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { fitsUtf8 } from "./utf8-bytes.ts";

const TAB = 0x09;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Whether all characters print: no control characters, no half of a surrogate pair. `lines` allows line breaks. */
export function isPrintable(text: string, lines = false): boolean {
  let hasSurrogates = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20) {
      if (lines && (code === NEWLINE || code === TAB || code === CARRIAGE_RETURN)) continue;
      return false;
    }
    if (code >= 0x7f && code <= 0x9f) return false;
    if (code >= 0xd800 && code <= 0xdfff) hasSurrogates = true;
  }
  return !hasSurrogates || text.isWellFormed(); // Rare: the built-in looks at pairs.
}

/** What is wrong with an id; undefined if nothing. */
export function checkId(value: unknown, field: string): Refusal | undefined {
  if (typeof value !== "string") return refuse("WRONG_TYPE", `${field} must be a text`);
  if (value.length >= 1 && value.length <= LIMITS.idChars && isPrintable(value)) return undefined;
  return refuse("BAD_ID", `${field} must have 1 to ${LIMITS.idChars} printable characters`);
}

/** Whether it is a text of limited length that prints: where {@link checkText} finds nothing wrong. */
export function isText(value: unknown, bytes: number): value is string {
  return typeof value === "string" && fitsUtf8(value, bytes) && isPrintable(value);
}

/** What is wrong with a text of limited length; undefined if nothing. */
export function checkText(value: unknown, field: string, bytes: number, lines = false): Refusal | undefined {
  if (typeof value !== "string") return refuse("WRONG_TYPE", `${field} must be a text`);
  if (!fitsUtf8(value, bytes)) return refuse("TOO_LONG", `${field} may have ${bytes} bytes of UTF-8 at most`);
  if (!isPrintable(value, lines))
    return refuse("BAD_TEXT", `${field} has control characters or broken Unicode`);
  return undefined;
}
