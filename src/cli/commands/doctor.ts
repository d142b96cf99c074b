import type { Command } from "commander";
import pc from "picocolors";
import { DEFAULT_NODE_OPTIONS } from "../../node-options.ts";
import { type DoctorCheck, judgeMachine } from "../doctor/doctor-check.ts";
import { examineMachine } from "../doctor/examine-machine.ts";
import { print, runs } from "../output.ts";

const MARKS = { ok: pc.green("ok  "), warn: pc.yellow("warn"), fail: pc.red("fail") } as const;

/** `resonance doctor`: whether this machine has what a node needs, and what computes the training. */
export function addDoctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("look whether this machine has what a node and a training need")
    .option("--data <folder>", "data folder whose disk is looked at", DEFAULT_NODE_OPTIONS.dataDir)
    .option("--json", "print one JSON object", false)
    .addHelpText("after", "\nThe exit status is 1 if something is amiss that a node can't do without.")
    .action(
      runs(async (options: { data: string; json: boolean }) => {
        const checks = judgeMachine(await examineMachine(options.data));
        const isFit = checks.every(({ state }) => state !== "fail");
        print(options.json, { fit: isFit, checks }, () => checks.flatMap(draw));
        if (!isFit) process.exitCode = 1;
      }),
    );
}

function draw({ name, state, found, advice }: DoctorCheck): string[] {
  const line = `${MARKS[state]} ${name.padEnd(13)} ${found}`;
  return advice === undefined ? [line] : [line, `     ${" ".repeat(13)} ${advice}`];
}
