import { type Command, InvalidArgumentError, Option } from "commander";
import { systemClock } from "../../adapters/system-clock.ts";
import { ENCODER_KINDS, type EncoderKind } from "../../embedding/encoder-training.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { DEFAULT_NODE_OPTIONS } from "../../node-options.ts";
import { PRECISION } from "../../resonance/evaluation/evaluate-split.ts";
import { numberBetween, wholeNumber } from "../client-options.ts";
import { type Evaluation, evaluate } from "../evaluate/evaluate.ts";
import type { StaticEvaluation } from "../evaluate/evaluate-static.ts";
import { drawLeaderboard, LEGEND, markdownLeaderboard } from "../evaluate/leaderboard-text.ts";
import { runStatic } from "../evaluate/run-static.ts";
import type { SplitRule } from "../evaluate/split.ts";
import { print, runs } from "../output.ts";
import type { ContextLabel, MapLabel } from "../recording/segment-maps.ts";
import { encoderKinds, fieldAndLabel, nameAndLabel } from "../recording-options.ts";
import { formatCount } from "../view/format-number.ts";
import { progressLine } from "../view/progress-line.ts";
import { renderTable } from "../view/table.ts";

type Options = Readonly<{
  map: readonly MapLabel[];
  context?: readonly ContextLabel[];
  protocol: "static" | "stream";
  split: Readonly<{ kind: "hash" }> | Readonly<{ kind: "block"; size: number }>;
  encoder: readonly EncoderKind[];
  seed: number;
  seeds: number;
  together: boolean;
  usersMax?: number;
  precision: number;
  ring: number;
  json: boolean;
  markdown: boolean;
}>;

const SPLITS = 3;

/** `resonance evaluate EVENTS USERS`: how well the engine tells users whose labels it was never told. */
export function addEvaluateCommand(program: Command): void {
  program
    .command("evaluate")
    .argument("<events>", "JSON lines of events in time order, gzip too")
    .argument("<users>", "JSON lines of {user, labels: {name: value}}")
    .description(
      "measure on recorded events how well the engine tells masked users' segments, beside honest baselines",
    )
    .requiredOption(
      "--map <name=label>",
      "name of a map, and the label that its segments come from; may be given again for further maps",
      nameAndLabel,
    )
    .option(
      "--context <field=label>",
      "static: a label that tells how a user came, such as device=deviceGroup; may be given again. Without it, the contexts of first events do",
      fieldAndLabel,
    )
    .addOption(
      new Option(
        "--protocol <name>",
        "static: fit on all members' whole histories, score masked users after their first events; stream: in the order of time, as a node does",
      )
        .choices(["static", "stream"])
        .default("static"),
    )
    .option(
      "--split <rule>",
      "hash: each user for themselves; block:N: N neighbours in file order together",
      splitRule,
      { kind: "hash" },
    )
    .option("--seed <n>", "of the (first) split and its fits", wholeNumber(0), 1)
    .option("--seeds <n>", "static: splits, whose results are averaged", wholeNumber(1), SPLITS)
    .option(
      "--encoder <kinds>",
      `static: ${ENCODER_KINDS.join(", ")}, several with commas, or all`,
      encoderKinds,
      ["linear"],
    )
    .option(
      "--together",
      "static: one encoder for all maps, as a deployment has, instead of one for each",
      false,
    )
    .option("--users-max <n>", "static: about so many users, by hash", wholeNumber(1))
    .option(
      "--precision <share>",
      "static: what thresholds are chosen for, to be held by masked users",
      numberBetween(0.5, 0.99),
      PRECISION,
    )
    .option(
      "--ring <n>",
      "stream: newest events kept of a user",
      wholeNumber(1),
      DEFAULT_NODE_OPTIONS.ringEvents,
    )
    .option("--json", "print one JSON object", false)
    .option("--markdown", "static: print Markdown", false)
    .action(
      runs(async (eventsPath: string, usersPath: string, options: Options) => {
        if (options.protocol === "static") {
          const { map: maps, usersMax, context = [] } = options;
          const limited = usersMax === undefined ? {} : { usersMax };
          const files = { eventsPath, usersPath, maps, context, ...limited };
          const { encoder: encoders } = options;
          const evaluation = await runStatic(files, { ...options, encoders });
          print(options.json, evaluation, () => drawStatic(evaluation, options.markdown));
          return;
        }
        const [only, another] = options.map;
        if (only === undefined || another !== undefined) {
          const message = "--protocol stream takes one --map: run it once for each";
          throw new EngineError({ code: "ONE_MAP_ONLY", message, retryable: false });
        }
        const line = progressLine({
          label: "evaluate",
          unit: "events",
          output: process.stderr,
          clock: systemClock,
        });
        const { seed } = options;
        const split: SplitRule = { ...options.split, seed };
        const { name: map, label } = only;
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

function drawStatic(evaluation: StaticEvaluation, markdown: boolean): string[] {
  const { events, users, split, seeds, seconds } = evaluation;
  const columns = process.stdout.columns ?? 120;
  return [
    `${formatCount(events)} events of ${formatCount(users)} users, split by ${split} with seed ${seeds.join(", ")}, in ${seconds.toFixed(1)} s`,
    "",
    ...evaluation.leaderboards.flatMap((board) =>
      markdown ? markdownLeaderboard(board) : [...drawLeaderboard(board, columns), ""],
    ),
    ...LEGEND,
  ];
}

function splitRule(text: string): Options["split"] {
  if (text === "hash") return { kind: "hash" };
  const match = /^block:(\d+)$/.exec(text);
  if (match !== null && Number(match[1]) > 0) return { kind: "block", size: Number(match[1]) };
  throw new InvalidArgumentError("hash, or block:N with N of at least 1, please");
}
