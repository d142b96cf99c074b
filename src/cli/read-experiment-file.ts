import { readFile } from "node:fs/promises";
import { POLICY_NAMES } from "../content/policy.ts";
import type { Experiment } from "../experiments/experiment.ts";
import { parseExperiment } from "../experiments/parse-experiment.ts";
import { EngineError } from "../kernel/engine-error.ts";

/**
 * Reads the JSON file that defines an experiment; docs/experiments.md describes it.
 *
 * @returns What is in it, to be sent, and what it means.
 * @throws EngineError `BAD_EXPERIMENT_FILE` with the place and the reason.
 */
export async function readExperimentFile(
  path: string,
): Promise<Readonly<{ given: unknown; experiment: Experiment }>> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => refuse(path, String(cause), cause));
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (cause) {
    return refuse(path, `not JSON: ${String(cause)}`, cause);
  }
  const parsed = parseExperiment(given, POLICY_NAMES);
  return parsed.kind === "experiment"
    ? { given, experiment: parsed.experiment }
    : refuse(path, parsed.message);
}

function refuse(path: string, message: string, cause?: unknown): never {
  throw new EngineError({
    code: "BAD_EXPERIMENT_FILE",
    message: `${path}: ${message}`,
    retryable: false,
    cause,
  });
}
