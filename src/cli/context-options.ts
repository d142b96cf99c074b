import { InvalidArgumentError } from "commander";

/** What `--context` is, for the help. */
export const CONTEXT_HELP =
  "how they come, as an event's context tells it (referrer, userAgent, utm_source, country, zone, ...); may be given again";

/** Parses `KEY=TEXT` of a context, for commander; the option may be given again. */
export function keyAndText(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("KEY=TEXT, such as referrer=https://example.com/, please");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
