import { Command } from "commander";
import { expect, test } from "vitest";
import { GROUPS, SCENARIOS } from "../../bench/harness/scenarios.ts";
import { addBenchCommand } from "../../src/cli/commands/bench.ts";

test("every scenario loads under its name, and a group is made of scenarios", async () => {
  const loaded = await Promise.all(SCENARIOS.map(({ load }) => load()));
  expect(loaded.map(({ name }) => name)).toEqual(SCENARIOS.map(({ name }) => name));
  const names = SCENARIOS.map(({ name }) => name);
  for (const group of Object.values(GROUPS)) for (const name of group) expect(names).toContain(name);
});

test("the command's help names every scenario and group", () => {
  const program = new Command();
  addBenchCommand(program);
  const help = program.commands[0]?.helpInformation().replaceAll(/\s+/g, " ") ?? "";
  for (const name of [...SCENARIOS.map((one) => one.name), ...Object.keys(GROUPS)])
    expect(help).toMatch(new RegExp(`\\b${name}\\b`));
});
