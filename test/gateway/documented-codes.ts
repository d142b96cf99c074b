import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The codes in the tables and lists of docs/errors.md. */
export function documentedCodes(): ReadonlySet<string> {
  const page = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");
  const inTables = [...page.matchAll(/^\| `([A-Z][A-Z0-9_]+)` \|/gm)];
  const inLists = page.split("\n").filter((line) => line.startsWith("Lines of a file"));
  const listed = inLists.flatMap((line) => [...line.matchAll(/`([A-Z][A-Z0-9_]+)`/g)]);
  return new Set([...inTables, ...listed].map((match) => match[1] ?? ""));
}
