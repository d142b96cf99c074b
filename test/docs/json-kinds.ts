import { parseCatalogue } from "../../src/content/parse-catalogue.ts";
import { POLICY_NAMES } from "../../src/content/policy.ts";
import { parseEvent } from "../../src/events/parse-event.ts";
import { parseExperiment } from "../../src/experiments/parse-experiment.ts";
import { parsePolicy } from "../../src/privacy/consent/parse-policy.ts";
import { parseDefinitions } from "../../src/resonance/parse-definitions.ts";

type Parsed = Readonly<{ kind: string; message?: string }>;

/** What a JSON block is, by fields that only it has, and how the engine reads it. */
const KINDS: readonly (readonly [fields: readonly string[], parse: (value: unknown) => Parsed])[] = [
  [["maps"], parseDefinitions],
  [["placements", "items"], (value) => parseCatalogue(value)],
  [["arms", "primary"], (value) => parseExperiment(value, POLICY_NAMES)],
  [["purposes", "families"], parsePolicy],
  [["id", "user", "type", "ts"], (value) => parseEvent(value, Number.MAX_SAFE_INTEGER)],
];

/** Why the engine would not take a JSON block for what it looks like; undefined if it would, or if it is an answer. */
export function jsonProblem(content: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (thrown) {
    return `no JSON: ${String(thrown)}`;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const [, parse] = KINDS.find(([fields]) => fields.every((field) => field in value)) ?? [];
  const parsed = parse?.(value);
  return parsed?.message;
}
