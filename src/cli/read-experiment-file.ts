import { POLICY_NAMES } from "../content/policy.ts";
import type { Experiment } from "../experiments/experiment.ts";
import { parseExperiment } from "../experiments/parse-experiment.ts";
import { badFile, readJsonFile } from "./read-json-file.ts";

const CODE = "BAD_EXPERIMENT_FILE";

/**
 * Reads the JSON file that defines an experiment; docs/experiments.md describes it.
 *
 * @returns What is in it, to be sent, and what it means.
 * @throws EngineError `BAD_EXPERIMENT_FILE` with the place and the reason.
 */
export async function readExperimentFile(
  path: string,
): Promise<Readonly<{ given: unknown; experiment: Experiment }>> {
  const given = await readJsonFile(path, CODE);
  const parsed = parseExperiment(given, POLICY_NAMES);
  if (parsed.kind === "refused") throw badFile(path, CODE, parsed.message);
  return { given, experiment: parsed.experiment };
}
