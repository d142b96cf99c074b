import { type Command, Help, type Option } from "commander";
import { toWireError } from "../../kernel/engine-error.ts";
import { fail } from "../output.ts";
import { applyConfiguration } from "./apply-configuration.ts";
import { variableOf } from "./node-settings.ts";

/** Lets a command take its options from a file and the environment, too; its help names the variables. */
export function withConfiguration(command: Command): Command {
  const help = new Help();
  const described = (option: Option): string => {
    const text = help.optionDescription(option);
    if (option.envVar !== undefined || ["json", "help"].includes(option.attributeName())) return text;
    return `${text} (env: ${variableOf(option)})`;
  };
  return command
    .option("--config <file>", "YAML or JSON file of these options (docs/configuration.md)")
    .configureHelp({ optionDescription: described })
    .hook("preAction", async (_, acting) => {
      try {
        await applyConfiguration(acting);
      } catch (thrown) {
        fail(toWireError(thrown), acting);
        process.exit(1); // The command must not begin.
      }
    });
}
