import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The events of log lines that docs/operations.md lists. */
export function documentedEvents(): readonly string[] {
  const page = readFileSync(join(import.meta.dirname, "../../docs/operations.md"), "utf8");
  const section = page.slice(page.indexOf("\n## Logs"));
  const table = section.slice(0, section.indexOf("\n## ", 4));
  return [...table.matchAll(/`([a-z-]+\.[a-z-]+)`/g)].map((match) => match[1] ?? "");
}
