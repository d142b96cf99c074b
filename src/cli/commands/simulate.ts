import { type Command, InvalidArgumentError } from "commander";
import { systemClock } from "../../adapters/system-clock.ts";
import { POLICY_NAMES, type PolicyName } from "../../content/policy.ts";
import {
  type Comparison,
  comparePolicies,
  type Estimate,
  type PolicyReport,
} from "../../content/simulation/compare-policies.ts";
import {
  SIMULATION_SETTINGS,
  type SimulationSettings,
} from "../../content/simulation/simulation-settings.ts";
import { wholeNumber } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { formatCount } from "../view/format-number.ts";
import { progressLine } from "../view/progress-line.ts";
import { roundPlot } from "../view/round-plot.ts";
import { renderTable, type TableColumn } from "../view/table.ts";

type Options = Pick<
  SimulationSettings,
  "users" | "rounds" | "segments" | "contents" | "members" | "floor" | "tasteDrift" | "affinityDrift"
> &
  Readonly<{ seeds: number; seed: number; policy: readonly PolicyName[]; json: boolean }>;

const COMPARED: readonly PolicyName[] = ["mixture", "greedy", "segment", "popularity"];
const LIMITS = { users: 1_000_000, rounds: 10_000, segments: 64, contents: 256, seeds: 10_000 } as const;

/** `resonance simulate`: policies of choice among visitors whose tastes are known to the simulation alone. */
export function addSimulateCommand(program: Command): void {
  const given = SIMULATION_SETTINGS;
  program
    .command("simulate")
    .description(
      "measure how policies choose contents for simulated visitors, beside an oracle that knows their tastes",
    )
    .option(
      "--policy <names>",
      `with commas, the first is compared with the others: ${POLICY_NAMES.join(", ")}`,
      policies,
      COMPARED,
    )
    .option("--seeds <n>", "worlds", wholeNumberTo(1, LIMITS.seeds), 4)
    .option("--seed <n>", "of the first world", wholeNumber(0), 1)
    .option("--users <n>", "visitors of a world", wholeNumberTo(1, LIMITS.users), given.users)
    .option("--rounds <n>", "contents shown to each visitor", wholeNumberTo(1, LIMITS.rounds), given.rounds)
    .option("--segments <n>", "segments of the map", wholeNumberTo(2, LIMITS.segments), given.segments)
    .option("--contents <n>", "contents to choose from", wholeNumberTo(2, LIMITS.contents), given.contents)
    .option("--members <share>", "visitors whose segment is known; not in the results", share, given.members)
    .option("--floor <share>", "decisions that take any content", share, given.floor)
    .option("--taste-drift <share>", "visitors who change segment in a round", share, given.tasteDrift)
    .option(
      "--affinity-drift <sd>",
      "step of each affinity in a round, in log odds",
      share,
      given.affinityDrift,
    )
    .option("--json", "print one JSON object", false)
    .action(
      runs(async (options: Options) => {
        const { seeds, seed, policy, json, ...world } = options;
        const line = progressLine({
          label: "simulate",
          unit: "rounds",
          output: process.stderr,
          clock: systemClock,
        });
        let rounds = 0;
        const comparison = comparePolicies(
          { ...given, ...world },
          Array.from({ length: seeds }, (_, at) => seed + at),
          policy,
          (done) => line.update(++rounds, done),
        );
        line.end();
        print(json, comparison, () => draw(comparison));
      }),
    );
}

function draw(comparison: Comparison): string[] {
  const { settings, seeds, oracle, random, policies } = comparison;
  const columns = process.stdout.columns ?? 120;
  const [first] = policies;
  const lines = policies.map(({ policy, clickRates }) => ({ name: policy, values: clickRates }));
  return [
    `${seeds.length} worlds of ${formatCount(settings.users)} visitors in ${settings.segments} segments, ${settings.contents} contents, ${settings.rounds} rounds`,
    `oracle ${percent(oracle.clickRate)}, chance ${percent(random.clickRate)} clicked`,
    "",
    ...renderTable(TITLES, policies.map(rowOf), columns),
    "",
    "click rate by round",
    ...roundPlot([{ name: "oracle", values: oracle.clickRates, style: "dots" }, ...lines], columns),
    "",
    ...(first === undefined ? [] : drawPosterior(first)),
    ...LEGEND,
  ];
}

const right = (title: string): TableColumn => ({ title, align: "right" });
const TITLES: readonly TableColumn[] = [
  { title: "policy" },
  right("clicked"),
  right("of oracle"),
  right("at the end"),
  right("lift"),
  right("lost a user"),
  right("behind, here"),
  right("behind, anywhere"),
  right("worlds behind"),
];
const LEGEND = [
  "of oracle: over all rounds; at the end: over the last quarter · lift: against chance · lost a user: clicks that the best would have got",
  "behind the first, in percentage points of the click rate: here, by users of these worlds; anywhere, by worlds; each ± a standard error",
];

function rowOf(report: PolicyReport): string[] {
  const { policy, clickRate, oracleShare, oracleShareAtEnd, lift, regret, behindFirst } = report;
  const behind =
    behindFirst === null
      ? ["", "", ""]
      : [
          points(behindFirst.inTheseWorlds),
          points(behindFirst.overWorlds),
          String(behindFirst.worldsAhead), //
        ];
  return [
    policy,
    percent(clickRate),
    percent(oracleShare),
    percent(oracleShareAtEnd),
    `${lift >= 0 ? "+" : ""}${percent(lift)}`,
    regret.toFixed(2),
    ...behind,
  ];
}

function drawPosterior({ policy, logLoss, logLossWithout, coverage }: PolicyReport): string[] {
  const { level, covered, cells, width } = coverage;
  const intervals =
    covered === null || width === null
      ? "no cell has enough impressions for its interval to be judged"
      : `${percent(level)} intervals hold the true rate in ${percent(covered)} of ${cells.toFixed(0)} cells; mean width ${percent(width)}`;
  return [
    `${policy}, last round: log-loss of the true segment ${logLoss.at(-1)?.toFixed(3)} with feedback, ${logLossWithout.at(-1)?.toFixed(3)} without`,
    `${policy}, in the end: ${intervals}`,
  ];
}

function percent(share: number): string {
  if (!Number.isFinite(share)) return "–"; // Too few visitors for a single click.
  return `${(100 * share).toFixed(1)} %`;
}

function points({ mean, standardError }: Estimate): string {
  return `${(100 * mean).toFixed(2)} ± ${standardError === null ? "?" : (100 * standardError).toFixed(2)}`;
}

function policies(text: string): PolicyName[] {
  const names = text === "all" ? [...POLICY_NAMES] : text.split(",").map((name) => name.trim());
  const isPolicy = (name: string): name is PolicyName => POLICY_NAMES.some((one) => one === name);
  const known = [...new Set(names.filter(isPolicy))];
  const unknown = names.find((name) => !isPolicy(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(
      `there is no policy "${unknown}": name some of ${POLICY_NAMES.join(", ")}, or all`,
    );
  return known;
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError("a number from 0 to 1, please");
  return value;
}

function wholeNumberTo(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = wholeNumber(min)(text);
    if (value > max) throw new InvalidArgumentError(`${formatCount(max)} at most, please`);
    return value;
  };
}
