import type { Argument, Command, Option } from "commander";
import { EXIT_STATUS } from "../../../src/cli/help/command-examples.ts";
import { examplesOf, type Leaf, leavesOf } from "../../../src/cli/help/complete-help.ts";

/** Options that every command has which connects: told once. */
const CONNECTION = "Connection to NATS:";

/** docs/cli.md, from the commands themselves. */
export function cliReference(program: Command): string {
  const leaves = leavesOf(program);
  const groups = Map.groupBy(leaves, ({ path }) => groupOf(program, path));
  const toc = [...groups].flatMap(([heading, of]) => [
    `**${heading.replace(/:$/, "")}**: ${of.map(({ path }) => `[${path}](#resonance-${path.replaceAll(" ", "-")})`).join(" · ")}`,
    "",
  ]);
  return [
    "<!-- Written by `npm run docs:reference` from the commands; a test holds it current. -->",
    "# Command line",
    "",
    "`resonance COMMAND`; in a checkout `npm run resonance -- COMMAND`. Each command tells the same with `--help`. A failure is told on standard error with its",
    'code ([errors.md](errors.md)) and ends with status 1 (else 0); with `--json` also as `{"error": …}` on standard output.',
    "",
    ...toc,
    ...connectionSection(leaves),
    ...[...groups].flatMap(([, of]) => of.flatMap(leafSection)),
  ].join("\n");
}

function groupOf(program: Command, path: string): string {
  const name = path.split(" ")[0];
  return program.commands.find((command) => command.name() === name)?.helpGroup() ?? "";
}

function connectionSection(leaves: readonly Leaf[]): string[] {
  const once = leaves.find(({ path }) => path === "status")?.command.options.filter(isConnection) ?? [];
  return [
    "## Connection to NATS",
    "",
    "Commands that ask a running engine find it by `--data` on its machine, or by `--nats`. Each option may come from the environment instead.",
    "[security.md](security.md) tells who may connect and how.",
    "",
    ...optionTable(once),
  ];
}

function leafSection({ command, path }: Leaf): string[] {
  const own = command.options.filter((option) => !isConnection(option));
  const connects = own.length < command.options.length;
  const usage = [
    `resonance ${path}`,
    own.length > 0 || connects ? "[options]" : "",
    ...command.registeredArguments.map(argumentText),
  ];
  return [
    `## resonance ${path}`,
    "",
    `${sentence(command.description())}`,
    "",
    `\`${usage.filter((word) => word !== "").join(" ")}\``,
    "",
    ...argumentTable(command.registeredArguments),
    ...optionTable(own),
    ...(connects ? ["And those of the [connection to NATS](#connection-to-nats).", ""] : []),
    "```sh",
    ...examplesOf(path).map(([line, what]) => `${line}  # ${what}`),
    "```",
    "",
    ...(path in EXIT_STATUS ? [`Exit status: ${EXIT_STATUS[path]}.`, ""] : []),
  ];
}

function argumentTable(given: readonly Argument[]): string[] {
  if (given.length === 0) return [];
  return [
    "| argument | |",
    "|---|---|",
    ...given.map((argument) => `| \`${argumentText(argument)}\` | ${cell(argument.description)} |`),
    "",
  ];
}

function optionTable(options: readonly Option[]): string[] {
  if (options.length === 0) return [];
  return [
    "| option | | default |",
    "|---|---|---|",
    ...options.map((option) => {
      const { argChoices: choices, envVar } = option;
      const words = [
        cell(option.description),
        ...(choices === undefined ? [] : [`one of ${choices.map((choice) => `\`${choice}\``).join(", ")}`]),
        ...(envVar === undefined ? [] : [`environment: \`${envVar}\``]),
      ];
      return `| \`${cell(option.flags)}\` | ${words.join("; ")} | ${defaultText(option)} |`;
    }),
    "",
  ];
}

function defaultText(option: Option): string {
  if (option.mandatory) return "required";
  const { defaultValue, defaultValueDescription } = option;
  if (defaultValueDescription !== undefined) return `\`${cell(defaultValueDescription)}\``;
  if (defaultValue === undefined || defaultValue === false || option.negate) return "";
  return `\`${cell(String(defaultValue))}\``;
}

function argumentText(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function isConnection(option: Option): boolean {
  return option.helpGroupHeading === CONNECTION;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** A bar would end a table's cell; angle brackets in prose would be read as HTML. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ");
}
