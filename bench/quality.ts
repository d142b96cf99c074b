import { access, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Command } from "commander";
import { wholeNumber } from "../src/cli/client-options.ts";
import type { StaticEvaluation } from "../src/cli/evaluate/evaluate-static.ts";
import { runStatic } from "../src/cli/evaluate/run-static.ts";
import { note, print, runs } from "../src/cli/output.ts";
import { encoderKinds } from "../src/cli/recording-options.ts";
import type { EncoderKind } from "../src/embedding/encoder-training.ts";
import { EngineError } from "../src/kernel/engine-error.ts";
import { PRECISION } from "../src/resonance/evaluation/evaluate-split.ts";
import { thisMachine } from "./harness/machine.ts";
import { FRONTIER_FILE, qualityFrontier, qualityPage } from "./quality/quality-page.ts";
import { QUALITY_RUNS, type QualityRun } from "./quality/quality-runs.ts";

type Options = Readonly<{
  data: string;
  only?: string;
  encoder: readonly EncoderKind[];
  seeds: number;
  usersMax?: number;
  out?: string;
  json: boolean;
}>;

/** A run, what was found, and how it was started. */
export type QualityResult = QualityRun & Readonly<{ evaluation: StaticEvaluation }>;

// `npm run quality -- --data FOLDER --out docs/quality.md`
await new Command("quality")
  .description("compare encoders and baselines on all real sets that are there, and write docs/quality.md")
  .requiredOption("--data <folder>", "of <set>.events.jsonl.gz and <set>.users.jsonl.gz")
  .option("--only <set>", "one set only")
  .option("--encoder <kinds>", "several with commas, or all", encoderKinds, encoderKinds("all"))
  .option("--seeds <n>", "splits of each set", wholeNumber(1), 3)
  .option("--users-max <n>", "about so many users of each set, by hash, for a quick look", wholeNumber(1))
  .option("--out <file>", "write the page into a file")
  .option("--json", "print one JSON object", false)
  .showHelpAfterError("(--help shows what it takes)")
  .action(
    runs(async (options: Options) => {
      const results: QualityResult[] = [];
      for (const run of QUALITY_RUNS) {
        if (options.only !== undefined && options.only !== run.set) continue;
        const path = (part: string) => join(options.data, `${run.set}.${part}.jsonl.gz`);
        const isThere = await access(path("events")).then(
          () => true,
          () => false,
        );
        if (!isThere) {
          note(`${path("events")} is not there: ${run.set} is left out`);
          continue;
        }
        const maps = run.labels.map((label) => ({ name: label, label }));
        const { context = [] } = run;
        const files = { eventsPath: path("events"), usersPath: path("users"), maps, context };
        const { usersMax, encoder: encoders, seeds } = options;
        const limited = usersMax === undefined ? files : { ...files, usersMax };
        const how = { encoders, split: run.split, seed: 1, seeds, together: false, precision: PRECISION };
        results.push({ ...run, evaluation: await runStatic(limited, how) });
      }
      if (results.length === 0) {
        const message = `${options.data} holds none of the sets${options.only === undefined ? "" : ` named ${options.only}`}`;
        throw new EngineError({ code: "NO_QUALITY_DATA", message, retryable: false });
      }
      const page = qualityPage(results, { machine: thisMachine(), ...options });
      if (options.out !== undefined) {
        await writeFile(options.out, `${page.join("\n")}\n`);
        await writeFile(join(dirname(options.out), FRONTIER_FILE), `${qualityFrontier(results)}\n`);
      }
      print(options.json, { results }, () => page);
    }),
  )
  .parseAsync();
