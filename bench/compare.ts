import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { print, runs } from "../src/cli/output.ts";
import { compareResults } from "./report/compare-results.ts";
import { comparisonLines, renderComparison } from "./report/comparison-report.ts";
import { readResult } from "./report/read-result.ts";

type Options = Readonly<{ json: boolean; html?: string }>;

// `npm run bench:compare OLD.json NEW.json`
await new Command("bench:compare")
  .description("set two results of the bench side by side")
  .argument("<old>", "file that `resonance bench --json FILE` wrote")
  .argument("<new>", "the same, of a later run")
  .option("--json", "print one JSON object", false)
  .option("--html <file>", "write an HTML file, too")
  .showHelpAfterError("(--help shows what it takes)")
  .action(
    runs(async (oldPath: string, newPath: string, options: Options) => {
      const [before, after] = [await readResult(oldPath), await readResult(newPath)];
      const compared = { before, after, comparison: compareResults(before, after) };
      if (options.html !== undefined) await writeFile(options.html, renderComparison(compared));
      print(options.json, compared.comparison, () =>
        comparisonLines(compared, process.stdout.columns ?? 120),
      );
    }),
  )
  .parseAsync();
