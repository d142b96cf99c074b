import { expect, test } from "vitest";
import { readSources } from "../source-text.ts";
import { documentedCodes } from "./documented-codes.ts";

/** Words in capitals that are no codes of ours: variables of the environment, errors of Node, flags of TensorFlow.js. */
const ENVIRONMENT =
  /env\["[A-Z0-9_]+"\]|"(?:RESONANCE|OTEL)_[A-Z_]+"|"ERR_[A-Z_]+"|"ENOENT"|getAsync\("[A-Z_]+"\)/g;
/** A code stands as a text with an underscore in it, or where a code is given or declared. */
const CODES = /"([A-Z][A-Z0-9]*_[A-Z0-9_]+)"|\berror (BAD_USAGE):|\bcode(?:: | === )"([A-Z]{2,})"/g;

test("every code that the source can fail or refuse with is documented", () => {
  const undocumented = [...codesInSource()].filter(([code]) => !documentedCodes().has(code));
  expect(undocumented).toEqual([]);
});

test("every documented code is one of the source", () => {
  const source = codesInSource();
  expect([...documentedCodes()].filter((code) => !source.has(code))).toEqual([]);
});

/** Each code with the file that names it first. */
function codesInSource(): ReadonlyMap<string, string> {
  const codes = new Map<string, string>();
  for (const { path, source } of [...readSources("src"), ...readSources("bench")]) {
    for (const match of source.replaceAll(ENVIRONMENT, "").matchAll(CODES)) {
      const code = match.slice(1).find((found) => found !== undefined) ?? "";
      if (!codes.has(code)) codes.set(code, path);
    }
  }
  return codes;
}
