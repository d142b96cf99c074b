import type { Command } from "commander";
import type { ExperimentReply, ExperimentReportReply, ExperimentStatus } from "../../gateway/experiments.ts";
import { askOnce, type ClientOptions } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { readExperimentFile } from "../read-experiment-file.ts";
import { drawExperiments, drawReport } from "../view/draw-experiment.ts";
import { formatCount } from "../view/format-number.ts";

type Options = ClientOptions & Readonly<{ json: boolean }>;

/** `resonance experiment`: which way to choose content is better, with proof. */
export function addExperimentCommand(program: Command): void {
  const command = program
    .command("experiment")
    .description("define experiments between ways to choose content, and see what they have shown");
  addDefine(command);
  withClientOptions(command.command("status"))
    .description("list all experiments, with their units and verdicts")
    .action(
      runs(async (options: Options) => {
        const reply = (await askOnce(options, "experiments.status", {})) as {
          experiments: readonly ExperimentStatus[];
        };
        print(options.json, reply, () => drawExperiments(reply.experiments, columnsNow()));
      }),
    );
  withClientOptions(command.command("report").argument("<name>", "the experiment"))
    .description("tell what an experiment has shown so far, with a plot of its interval over time")
    .action(
      runs(async (experiment: string, options: Options) => {
        const reply = (await askOnce(options, "experiments.report", { experiment })) as ExperimentReportReply;
        print(options.json, reply, () => drawReport(reply, Date.now(), columnsNow()));
      }),
    );
  withClientOptions(command.command("stop").argument("<name>", "the experiment"))
    .description("end an experiment: nobody is assigned or counted any more, its report stays")
    .action(
      runs(async (experiment: string, options: Options) => {
        const reply = (await askOnce(options, "experiments.stop", { experiment })) as ExperimentReply;
        print(options.json, reply, () => [
          `${experiment} is stopped; resonance experiment report ${experiment} tells its end`,
        ]);
      }),
    );
}

function addDefine(command: Command): void {
  withClientOptions(
    command.command("define").argument("<file>", "JSON file of an experiment (docs/experiments.md)"),
  )
    .description("start an experiment; a definition can't be changed afterwards")
    .option("--dry-run", "check the file, and tell what it means, without starting anything", false)
    .action(
      runs(async (file: string, options: Options & { dryRun: boolean }) => {
        const { given, experiment } = await readExperimentFile(file);
        if (options.dryRun) {
          print(options.json, experiment, () => [JSON.stringify(experiment, null, 2)]);
          return;
        }
        const reply = (await askOnce(options, "experiments.define", given)) as ExperimentReply;
        print(options.json, reply, () => [
          `${reply.experiment} runs at ${experiment.placement}: ${experiment.arms.map(({ name }) => name).join(", ")}; ${formatCount(experiment.plannedUnits)} units are planned`,
        ]);
      }),
    );
}

function columnsNow(): number {
  return process.stdout.columns ?? 110;
}
