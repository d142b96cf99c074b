import { readFileSync } from "node:fs";
import { join } from "node:path";

/** How lines of the page begin that list codes without a row of their own. */
const LISTS = ["Lines of a file", "Rows that `resonance import`", "Codes of what is as it should be"];

/** The codes in the tables and lists of docs/errors.md. */
export function documentedCodes(): ReadonlySet<string> {
  const page = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");
  const inTables = [...page.matchAll(/^\| `([A-Z][A-Z0-9_]+)` \|/gm)];
  const inLists = page.split("\n").filter((line) => LISTS.some((begin) => line.startsWith(begin)));
  const listed = inLists.flatMap((line) => [...line.matchAll(/`([A-Z][A-Z0-9_]+)`/g)]);
  return new Set([...inTables, ...listed].map((match) => match[1] ?? ""));
}
