import * as v from "valibot";
import { EngineError } from "../../kernel/engine-error.ts";
import type { KeptKey } from "./key-ring.ts";

const positive = v.pipe(v.number(), v.gtValue(0), v.finite());
const keySchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,59}$/)),
  role: v.picklist(["producer", "reader", "operator"]),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  origins: v.optional(v.array(v.pipe(v.string(), v.regex(/^(\*|https?:\/\/[^/\s]+)$/))), []),
  rate: v.optional(v.strictObject({ perSecond: positive, burst: positive })),
});
const fileSchema = v.strictObject({ keys: v.array(keySchema) });

/**
 * Keys as a file or the environment holds them: `{"keys": [...]}`.
 *
 * @param source - Where the text is from, for the message; the text itself is never told.
 * @throws EngineError `BAD_KEYS_FILE`.
 */
export function parseKeys(text: string, source: string): readonly KeptKey[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad(source, "it is not JSON");
  }
  const parsed = v.safeParse(fileSchema, value);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw bad(source, `${v.getDotPath(issue) ?? "it"} is not as docs/http.md says`);
  }
  const names = parsed.output.keys.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw bad(source, `two keys are named ${twice}`);
  return parsed.output.keys.map(({ rate, ...key }) => (rate === undefined ? key : { ...key, rate }));
}

function bad(source: string, why: string): EngineError<"BAD_KEYS_FILE"> {
  const message = `the keys in ${source} can't be used: ${why}. \`resonance auth key new\` makes one that can`;
  return new EngineError({ code: "BAD_KEYS_FILE", message, retryable: false });
}
