import { Command, InvalidArgumentError } from "commander";
import { fuzzTarget, TARGETS } from "./fuzz-targets.ts";
import { runFuzz } from "./run-fuzz.ts";

const whole = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("a whole number, please");
  return Number(text);
};

/** `npm run test:fuzz`: hostile inputs by the hundred thousand; a line of JSON for each target. */
const options = new Command("test:fuzz")
  .description("send mutants of valid messages and made-up ones to the gateway, and judge every answer")
  .argument("[targets...]", `some of ${TARGETS.join(", ")}; all of them if left out`)
  .option("--inputs <n>", "inputs for each target", whole, 100_000)
  .option("--seed <n>", "the same seed sends the same inputs", whole, 1)
  .parse();
const { inputs, seed } = options.opts<{ inputs: number; seed: number }>();
const wanted = options.args.length === 0 ? TARGETS : TARGETS.filter((name) => options.args.includes(name));

for (const name of wanted) {
  const target = await fuzzTarget(name);
  const report = await runFuzz(target, { inputs, seed });
  await target.close?.();
  process.stdout.write(`${JSON.stringify(report)}\n`);
  if (report.findings.length > 0) process.exitCode = 1;
}
