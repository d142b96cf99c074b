import type { Command, Option } from "commander";
import { InvalidArgumentError } from "commander";
import { settingText } from "./setting-text.ts";

/** An option of a node, wherever its value comes from: the command line names them all, so none can be forgotten here. */
export type Setting = Readonly<{
  /** In a file, and behind `--` on the command line. */
  name: string;
  /** In the environment. */
  variable: string;
  /** Among a command's values. */
  key: string;
  /** `switch`: true or false. `optional`: either, or a value. */
  kind: "switch" | "value" | "optional";
  /** What a value is, as the help writes it: `<n>`, `[host:port]`; empty for a switch. */
  shape: string;
  description: string;
  /** The heading that the help has it under; undefined for the node's own. */
  group: string | undefined;
  /** As a file would say it; undefined if there is none. */
  defaultText: string | undefined;
  choices: readonly string[] | undefined;
  /**
   * @returns The value that the command works with.
   * @throws InvalidArgumentError with what it should be.
   */
  parse(text: string): unknown;
}>;

/** Options about the run of a command rather than the node. */
const NO_SETTINGS: readonly string[] = ["config", "json", "origin"];
const TRUTHS: Readonly<Record<string, boolean>> = { true: true, false: false, "1": true, "0": false };

/** The settings of a command that starts a node, in the order of its help. */
export function settingsOf(command: Command): readonly Setting[] {
  return command.options.filter((option) => !NO_SETTINGS.includes(option.attributeName())).map(settingOf);
}

/** The variable of the environment that an option may come from. */
export function variableOf(option: Option): string {
  return option.envVar ?? `RESONANCE_${nameOf(option).toUpperCase().replaceAll("-", "_")}`;
}

function settingOf(option: Option): Setting {
  const kind = option.required ? "value" : option.optional ? "optional" : "switch";
  const given: unknown = option.defaultValue ?? (kind === "switch" ? option.negate : undefined);
  return {
    name: nameOf(option),
    variable: variableOf(option),
    key: option.attributeName(),
    kind,
    shape: /[<[].*$/.exec(option.flags)?.[0] ?? "",
    description: option.negate ? `if false: ${option.description}` : option.description,
    group: option.helpGroupHeading,
    defaultText: option.defaultValueDescription ?? settingText(given),
    choices: option.argChoices,
    parse: (text) => parseText(option, kind, text),
  };
}

/** A file says `refit: false` where the command line has `--no-refit`. */
function nameOf(option: Option): string {
  return option.negate ? option.name().replace(/^no-/, "") : option.name();
}

function parseText(option: Option, kind: Setting["kind"], text: string): unknown {
  const truth = TRUTHS[text.toLowerCase()];
  if (kind === "switch") {
    if (truth === undefined) throw new InvalidArgumentError("true or false, please");
    return truth;
  }
  // A port may be 0 or 1: of what takes a value, words alone are truths.
  if (kind === "optional" && (text === "true" || text === "false")) return text === "true" ? true : undefined;
  return option.parseArg === undefined ? text : option.parseArg(text, undefined);
}
