import type { Command, CommanderError } from "commander";
import { beforeAll, expect, test } from "vitest";
import { examplesOf, leavesOf } from "../../../src/cli/help/complete-help.ts";
import { program } from "../../../src/cli/main.ts";

const LEAVES = leavesOf(program);

/** Placeholders of options that count or measure something: help says what, and in which unit. */
const QUANTITY = /<(n|ms|s|seconds|hours|duration|time|bytes|share|number|numbers|factor|sd)(\[\/burst\])?>/;

beforeAll(() => silence(program));

test.for(LEAVES.map(({ path }) => path))("resonance %s --help is complete and ends with 0", async (path) => {
  const { command } = leafOf(path);
  const { status, text } = await helpOf(path);
  expect(status).toBe(0);
  expect(text).toContain(`Usage: resonance ${path}`);
  expect(command.description()).toMatch(/\w{3,}/);
  expect(text, "an example").toMatch(/Examples:\n {2}\$ resonance |Examples:\n {2}\$ .*\| resonance /);
  expect(text).toContain("Exit status: ");
  for (const argument of command.registeredArguments)
    expect(argument.description, `the argument ${argument.name()}`).not.toBe("");
  for (const option of command.options) {
    expect(option.description, option.flags).toMatch(/\w{2,}/);
    if (!QUANTITY.test(option.flags)) continue;
    // What counts needs a noun: "events", "seconds between two snapshots", "worlds".
    expect(option.description, `${option.flags} says of what it is a number`).toMatch(/[a-z]{4,}/);
  }
});

test("defaults are shown as they would be typed", () => {
  for (const { path, command } of LEAVES)
    for (const option of command.options) {
      const shown = option.defaultValueDescription ?? JSON.stringify(option.defaultValue) ?? "";
      expect(shown, `${path} ${option.flags}`).not.toMatch(/[{[]/);
      if (/<duration>/.test(option.flags)) expect(shown, option.flags).toMatch(/^(|off|\d+(ms|s|m|h|d))$/);
    }
});

test("each example is of its command, and names only options that there are", () => {
  for (const { path, command } of LEAVES)
    for (const [line] of examplesOf(path)) {
      const words = line.slice(line.indexOf("resonance ") + "resonance ".length);
      expect(`${words} `, line).toMatch(new RegExp(`^${path} `));
      const known = command.options.flatMap(({ long, short }) => [long, short]);
      for (const [flag] of words.matchAll(/(?<=\s)--?[a-z][a-z-]*/g)) expect(known, line).toContain(flag);
    }
});

test("every command of the first level is in a group", async () => {
  const { text } = await helpOf("");
  const ungrouped = text.slice(text.indexOf("\nCommands:\n")).split("\n").slice(2);
  expect(ungrouped[0]).toMatch(/^ {2}help \[command\]/);
});

function leafOf(path: string) {
  const leaf = LEAVES.find((one) => one.path === path);
  if (leaf === undefined) throw new Error(`no command ${path}`);
  return leaf;
}

/** Commands throw instead of ending the process, and print nowhere. */
function silence(command: Command): void {
  command.exitOverride();
  for (const below of command.commands) silence(below);
}

async function helpOf(path: string): Promise<{ status: number; text: string }> {
  let text = "";
  const command = path === "" ? program : leafOf(path).command;
  command.configureOutput({ writeOut: (part) => (text += part) });
  const words = path === "" ? [] : path.split(" ");
  const thrown: unknown = await program
    .parseAsync([...words, "--help"], { from: "user" })
    .catch((error: unknown) => error);
  return { status: (thrown as CommanderError).exitCode, text };
}
