import { type Command, InvalidArgumentError } from "commander";
import { systemClock } from "../../adapters/system-clock.ts";
import { DEFAULT_NODE_OPTIONS } from "../../node-options.ts";
import { wholeNumber } from "../client-options.ts";
import { type Evaluation, evaluate } from "../evaluate/evaluate.ts";
import type { SplitRule } from "../evaluate/split.ts";
import { print, runs } from "../output.ts";
import { formatCount } from "../view/format-number.ts";
import { progressLine } from "../view/progress-line.ts";
import { renderTable } from "../view/table.ts";

type Options = Readonly<{
  map: Readonly<{ name: string; label: string }>;
  split: Readonly<{ kind: "hash" }> | Readonly<{ kind: "block"; size: number }>;
  seed: number;
  ring: number;
  json: boolean;
}>;

/** `resonance evaluate EVENTS USERS`: how well the engine tells users whose labels it was never told. */
export function addEvaluateCommand(program: Command): void {
  program
    .command("evaluate")
    .argument("<events>", "JSON lines of events in time order, gzip too")
    .argument("<users>", "JSON lines of {user, labels: {name: value}}")
    .description(
      "stream recorded events through the engine and measure how well it tells masked users' segments",
    )
    .requiredOption(
      "--map <name=label>",
      "name of the map, and the label that its segments come from",
      nameAndLabel,
    )
    .option(
      "--split <rule>",
      "hash: each user for themselves; block:N: N neighbours in file order together",
      splitRule,
      { kind: "hash" },
    )
    .option("--seed <n>", "of the split and the fits", wholeNumber(0), 1)
    .option("--ring <n>", "newest events kept of a user", wholeNumber(1), DEFAULT_NODE_OPTIONS.ringEvents)
    .option("--json", "print one JSON object", false)
    .action(
      runs(async (eventsPath: string, usersPath: string, options: Options) => {
        const line = progressLine({
          label: "evaluate",
          unit: "events",
          output: process.stderr,
          clock: systemClock,
        });
        const { seed } = options;
        const split: SplitRule = { ...options.split, seed };
        const { name: map, label } = options.map;
        const given = { eventsPath, usersPath, map, label, split, seed, ringEvents: options.ring };
        const evaluation = await evaluate(given, (events, done) => line.update(events, done));
        line.end();
        print(options.json, evaluation, () => draw(evaluation));
      }),
    );
}

function draw(evaluation: Evaluation): string[] {
  const digits = (value: number | null): string => (value === null ? "-" : value.toFixed(3));
  const rows = evaluation.depths.map((depth) => [
    String(depth.depth),
    formatCount(depth.users),
    digits(depth.auc),
    digits(depth.accuracy),
    digits(depth.logLoss),
    digits(depth.prior.logLoss),
    `${depth.gain.mean.toFixed(3)} ± ${depth.gain.standardError.toFixed(3)}`,
    digits(depth.brier),
    `${digits(depth.ece)} (${digits(depth.eceByChance)})`,
  ]);
  const titles = [
    "events seen",
    "users",
    "AUC",
    "accuracy",
    "log-loss",
    "of prior",
    "gain",
    "Brier",
    "ECE (by chance)",
  ];
  const { members, masked } = evaluation;
  return [
    `${evaluation.map}: ${formatCount(evaluation.events)} events of ${formatCount(members)} members and ${formatCount(masked)} masked users in ${evaluation.seconds.toFixed(1)} s`,
    ...renderTable(
      titles.map((title) => ({ title, align: "right" }) as const),
      rows,
      process.stdout.columns ?? 120,
    ),
    `encoder ${evaluation.encoder.kind} ${evaluation.encoder.version.slice(0, 12)}, ${evaluation.encoder.dim} dimensions`,
  ];
}

function nameAndLabel(text: string): Options["map"] {
  const match = /^([A-Za-z0-9_-]{1,64})=(.+)$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined)
    throw new InvalidArgumentError("NAME=LABEL, such as gender=gender, please");
  return { name: match[1], label: match[2] };
}

function splitRule(text: string): Options["split"] {
  if (text === "hash") return { kind: "hash" };
  const match = /^block:(\d+)$/.exec(text);
  if (match !== null && Number(match[1]) > 0) return { kind: "block", size: Number(match[1]) };
  throw new InvalidArgumentError("hash, or block:N with N of at least 1, please");
}
