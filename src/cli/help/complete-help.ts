import type { Command, Option } from "commander";
import { EXAMPLES, EXIT_STATUS, type Example } from "./command-examples.ts";

/** The commands of `resonance --help`, by what somebody wants to do, in the order of a first week. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  "Try it:": ["demo", "doctor"],
  "Run nodes:": ["up", "config", "status", "top", "cluster", "dead-letters", "reshard", "backup", "restore"],
  "Send events, ask questions:": [
    ...["import", "replay", "request", "score", "explain", "profiles", "content", "experiment", "types"],
  ],
  "Encoders and calibration:": [
    ...["train", "calibrate", "whatif", "promote", "rollback", "drift", "evaluate"],
  ],
  "Privacy and access:": ["privacy", "export", "erase", "auth", "keys"],
  "Plan and measure:": ["plan", "simulate", "bench"],
};

const EXIT_USUAL = "0 when done, 1 when it failed: the error's code is on standard error, see docs/errors.md";

/** Gives each command its group, its examples and its exit status, and shows defaults as they would be typed. */
export function completeHelp(program: Command): void {
  for (const [heading, names] of Object.entries(GROUPS))
    for (const command of program.commands) if (names.includes(command.name())) command.helpGroup(heading);
  const order = Object.values(GROUPS).flat();
  const place = (command: Command) => (order.indexOf(command.name()) + 1 || Infinity) - 1;
  (program.commands as Command[]).sort((a, b) => place(a) - place(b)); // Groups come in the order of their commands.
  program.addHelpText("after", "\nresonance COMMAND --help tells what a command takes, with examples.");
  for (const { command, path } of leavesOf(program)) {
    for (const option of command.options) showAsTyped(option);
    const examples = examplesOf(path);
    if (examples.length > 0) command.addHelpText("after", `\n${examplesText(examples).join("\n")}`);
    command.addHelpText("after", `\nExit status: ${exitStatusOf(path)}.`);
  }
}

/** A command that does something, and its words behind `resonance`. */
export type Leaf = Readonly<{ command: Command; path: string }>;

/** All commands that do something, in the order of the help. */
export function leavesOf(command: Command, above: readonly string[] = []): Leaf[] {
  return command.commands.flatMap((below) => {
    const path = [...above, below.name()];
    const leaf = { command: below, path: path.join(" ") };
    if (below.commands.length === 0) return [leaf];
    // `backup` does something itself, and `backup verify` something else.
    return [...(below.registeredArguments.length > 0 ? [leaf] : []), ...leavesOf(below, path)];
  });
}

/** Examples of the command with this path; none if there are none. */
export function examplesOf(path: string): readonly Example[] {
  return EXAMPLES[path] ?? [];
}

function exitStatusOf(path: string): string {
  return EXIT_STATUS[path] ?? EXIT_USUAL;
}

function examplesText(examples: readonly Example[]): string[] {
  return ["Examples:", ...examples.flatMap(([line, what]) => [`  $ ${line}`, `      ${what}`])];
}

/** Commander shows a parsed default as JSON: a list, a rule or milliseconds are shown as they are given instead. */
function showAsTyped(option: Option): void {
  if (option.defaultValueDescription !== undefined) return;
  const value: unknown = option.defaultValue;
  if (Array.isArray(value)) option.defaultValueDescription = value.length === 0 ? "none" : value.join(",");
  else if (value === null) option.defaultValueDescription = "off";
  else if (typeof value === "object" && value !== null && "kind" in value)
    option.defaultValueDescription = String(value.kind);
  else if (typeof value === "number" && /<(duration|time)>/.test(option.flags))
    option.defaultValueDescription = durationText(value);
}

function durationText(ms: number): string {
  const [unit, unitMs] =
    [
      ["d", 86_400_000] as const,
      ["h", 3_600_000] as const,
      ["m", 60_000] as const,
      ["s", 1_000] as const,
    ].find(([, length]) => ms % length === 0) ?? (["ms", 1] as const);
  return `${ms / unitMs}${unit}`;
}
