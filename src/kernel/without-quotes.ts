const QUOTED = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|\{.*\}/gs;
/** A quote that nothing closes, since the text was cut. */
const OPEN = /["'`].*$/s;

/**
 * The message of an error that is not ours, without what stands in quotes or braces: engines and libraries quote there what they were
 * given, and that may be an id or a text of somebody. A failed system call names a file instead, and stays.
 */
export function withoutQuotes(thrown: unknown): string {
  if (!(thrown instanceof Error)) return typeof thrown;
  if ("syscall" in thrown) return thrown.message;
  const parts = thrown.message.replaceAll(QUOTED, "…");
  return parts.replace(OPEN, "…");
}

/** Where an error was thrown, a line a place, without its message. */
export function framesOf({ stack = "" }: Error): string {
  return stack
    .split("\n")
    .filter((line) => /^ +at /.test(line))
    .join("\n");
}
