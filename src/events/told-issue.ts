import * as v from "valibot";

/** What the library appends: the value that was sent, which an answer does not repeat. */
const RECEIVED = / but received .*$/s;

/**
 * Where and why a schema was not met, without a word of what was sent: an unknown field is told by its place, not by its name.
 *
 * @returns `path` in dots, empty for the whole.
 */
export function toldIssue(issue: v.BaseIssue<unknown>): Readonly<{ path: string; message: string }> {
  const path = v.getDotPath(issue) ?? "";
  const last = issue.path?.at(-1);
  const isUnknownField = issue.expected === "never" && last !== undefined && last.origin === "key";
  if (!isUnknownField) return { path, message: issue.message.replace(RECEIVED, "") };
  const outer = path.slice(0, Math.max(0, path.length - String(last.key).length - 1));
  const place = Object.keys(last.input as object).indexOf(String(last.key));
  return { path: outer, message: `its field number ${place + 1} is unknown here` };
}
