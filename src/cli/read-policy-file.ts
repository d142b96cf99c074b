import { parsePolicy } from "../privacy/consent/parse-policy.ts";
import type { PrivacyPolicy } from "../privacy/consent/policy.ts";
import { badFile, readJsonFile } from "./read-json-file.ts";

const CODE = "BAD_POLICY_FILE";

/**
 * Reads the JSON file of a policy of consent; docs/privacy.md describes it.
 *
 * @throws EngineError `BAD_POLICY_FILE` with the place and the reason.
 */
export async function readPolicyFile(path: string): Promise<Omit<PrivacyPolicy, "version">> {
  const parsed = parsePolicy(await readPolicyJson(path));
  if (parsed.kind === "refused") throw badFile(path, CODE, parsed.message);
  return parsed.policy;
}

/**
 * What a file of a policy holds, before it is looked at. What `get --json` printed can be put again.
 *
 * @throws EngineError `BAD_POLICY_FILE` if it can't be read, or is no JSON.
 */
export async function readPolicyJson(path: string): Promise<unknown> {
  const given = await readJsonFile(path, CODE);
  if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
  const { version: _, ...rest } = given as Record<string, unknown>;
  return rest;
}
