import type { Command } from "commander";
import { EngineError } from "../../kernel/engine-error.ts";
import { type Setting, settingsOf } from "./node-settings.ts";
import { type ConfigProblem, type FileValue, readConfigFile, readSetting } from "./read-config-file.ts";

/** Where a value comes from, from what counts least to what counts most. */
export const ORIGINS = ["default", "file", "environment", "flag"] as const;
export type Origin = (typeof ORIGINS)[number];

/** A setting as it is in force. */
export type Configured = Readonly<{
  setting: Setting;
  /** Undefined where there is neither a value nor a default. */
  value: unknown;
  origin: Origin;
  /** The line of a file, or the variable; undefined for others. */
  place?: string;
}>;

/**
 * Gives a command the values of its file and of the environment, where the command line has none: flags count more than variables,
 * these more than the file, and that more than defaults.
 *
 * @param env - The variables; empty ones count as left out.
 * @throws EngineError `BAD_CONFIG_FILE`, `UNKNOWN_OPTION` or `BAD_OPTION`, with all places that are wrong.
 */
export async function applyConfiguration(
  command: Command,
  env: NodeJS.ProcessEnv = process.env,
): Promise<readonly Configured[]> {
  const settings = settingsOf(command);
  const path = (command.opts() as { config?: string }).config ?? (env["RESONANCE_CONFIG"] || undefined);
  const file = path === undefined ? { values: [], problems: [] } : await readConfigFile(path, settings);
  const problems: ConfigProblem[] = [...file.problems];
  const inFile = new Map<Setting, FileValue>(file.values.map((one) => [one.setting, one]));
  const configured = settings.map((setting): Configured => {
    const { key } = setting;
    if (command.getOptionValueSource(key) === "cli")
      return { setting, value: command.getOptionValue(key), origin: "flag" };
    const text = env[setting.variable];
    const held = inFile.get(setting);
    if (text !== undefined && text !== "") {
      const read = readSetting(setting, text);
      if ("message" in read) {
        problems.push({ code: "BAD_OPTION", place: setting.variable, message: read.message });
        return { setting, value: undefined, origin: "environment" };
      }
      command.setOptionValueWithSource(key, read.value, "env");
      return { setting, value: read.value, origin: "environment", place: setting.variable };
    }
    if (held === undefined) return { setting, value: command.getOptionValue(key), origin: "default" };
    command.setOptionValueWithSource(key, held.value, "config");
    return { setting, value: held.value, origin: "file", place: held.place };
  });
  if (problems.length > 0) throw badConfiguration(problems);
  return configured;
}

/** All that is wrong, as one error: the first code stands for all. */
export function badConfiguration(problems: readonly ConfigProblem[]): EngineError {
  const message = problems.map(({ place, message: what }) => `${place}: ${what}`).join("\n  ");
  const code = problems[0]?.code ?? "BAD_OPTION";
  return new EngineError({ code, message, retryable: false, detail: { problems } });
}
