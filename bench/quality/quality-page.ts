import { LEGEND, markdownLeaderboard } from "../../src/cli/evaluate/leaderboard-text.ts";
import { formatCount } from "../../src/cli/view/format-number.ts";
import type { LeaderboardCell, LeaderboardRow } from "../../src/resonance/evaluation/leaderboard.ts";
import type { Machine } from "../harness/bench-result.ts";
import type { QualityResult } from "../quality.ts";
import { costsAndQualities } from "./frontier.ts";
import { frontierPlot } from "./frontier-plot.ts";

const ECE_LIMITS = { end: 0.02, depth: 0.03 } as const;

/** How the runs were started. */
export type QualityHow = Readonly<{
  machine: Machine;
  encoder: readonly string[];
  seeds: number;
  usersMax?: number;
}>;

/** The plot that the page shows, in the folder of the page. */
export const FRONTIER_FILE = "quality-frontier.svg";

/** Cost beside quality of all methods, as an SVG. */
export function qualityFrontier(results: readonly QualityResult[]): string {
  const boards = results.flatMap(({ evaluation }) => evaluation.leaderboards);
  return frontierPlot(costsAndQualities(boards), "Quality over cost of encoders and baselines");
}

/** The page of all results, as lines of Markdown. */
export function qualityPage(results: readonly QualityResult[], how: QualityHow): string[] {
  const { machine, encoder, seeds, usersMax } = how;
  const sample = usersMax === undefined ? "" : ` --users-max ${usersMax}`;
  const command = `npm run quality -- --data FOLDER --encoder ${encoder.join(",")} --seeds ${seeds}${sample} --out docs/quality.md`;
  return [
    "# Quality",
    "",
    "How well encoders and honest baselines tell masked users' segments, on real sets that are not part of this",
    "repository (docs/training.md tells how such files look). This page is written by",
    "",
    ...["```", command, "```"],
    "",
    ...(usersMax === undefined
      ? []
      : [`**A sample**: about ${formatCount(usersMax)} users of each set, by hash.`, ""]),
    "**Protocol.** Users are split 80/20 into members and masked users, by hash or by blocks of neighbours in file order.",
    "Everything is fitted on all members' whole histories, baselines and encoders on the same ones, and all are",
    "calibrated on members who were held out. Each masked user is scored after the first 1, 5, 10, 20 and 50 events and",
    "at the end; who has fewer stays in every column with what there is.",
    `${seeds === 1 ? "One split" : `Means of ${seeds} splits`}; a user who is masked in several counts as one in the standard errors.`,
    "",
    ...LEGEND,
    "",
    `Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${process.versions.node}; load ${machine.load1Minute.toFixed(1)} at the end.`,
    "",
    "## In short",
    "",
    ...summary(results, encoder),
    "",
    "What a served event costs beside what it tells, means over all maps; filled: encoders, hollow: baselines, dashed: what nothing is above:",
    "",
    `![Quality over cost of encoders and baselines](${FRONTIER_FILE})`,
    "",
    ...results.flatMap((result) => [
      `## ${result.set}, split by ${result.evaluation.split}${result.context === undefined ? "" : ", with the contexts of first visits"}`,
      "",
      `${formatCount(result.evaluation.events)} events of ${formatCount(result.evaluation.users)} users, in ${result.evaluation.seconds.toFixed(0)} s:`,
      "",
      ...["```", evaluateCommand(result, how), "```"],
      "",
      ...result.evaluation.leaderboards.flatMap(markdownLeaderboard),
    ]),
  ];
}

/** Cells of all sets and maps, counted for each encoder. */
function summary(results: readonly QualityResult[], encoders: readonly string[]): string[] {
  const rows = encoders.map((name) => {
    const all = results.flatMap(({ evaluation }) =>
      evaluation.leaderboards.flatMap((board) => board.rows.filter(({ method }) => method === name)),
    );
    const depths = all.flatMap(({ cells }) => cells);
    const end = all.flatMap(({ cells }) => cells.at(-1) ?? []);
    return [
      name,
      counted(all, "auc"),
      counted(all, "logLoss"),
      within(end, ECE_LIMITS.end),
      within(depths, ECE_LIMITS.depth),
      thresholdCells(results, name),
      `${Math.min(...all.map(({ eventMicros }) => eventMicros)).toFixed(1)}-${Math.max(...all.map(({ eventMicros }) => eventMicros)).toFixed(1)}`,
    ];
  });
  return [
    "Cells (maps times depths) that are better than / level with / worse than the best baseline of their depth:",
    "",
    `| encoder | AUC | log-loss | ECE at the end <= ${ECE_LIMITS.end} | ECE <= ${ECE_LIMITS.depth} at a depth | thresholds | us/event |`,
    "|---|---|---|---|---|---|---|",
    ...rows.map((cells) => `| ${cells.join(" | ")} |`),
  ];
}

function counted(rows: readonly LeaderboardRow[], metric: "auc" | "logLoss"): string {
  const sum = (verdict: "better" | "level" | "worse") =>
    rows.reduce((all, { counts }) => all + (counts?.[metric][verdict] ?? 0), 0);
  return `${sum("better")} / ${sum("level")} / ${sum("worse")}`;
}

/** Cells with a threshold that is on and somebody who passed it: in how many the users do not refute the precision. */
function thresholdCells(results: readonly QualityResult[], name: string): string {
  const cells = results.flatMap(({ evaluation }) =>
    evaluation.leaderboards.flatMap(({ precision: target, rows }) => {
      const reports = rows.find(({ method }) => method === name)?.thresholds ?? [];
      return reports.flatMap(({ precision }) => (precision === null ? [] : [{ ...precision, target }]));
    }),
  );
  const held = cells.filter(({ upper, target }) => upper >= target).length;
  const [first] = cells;
  return first === undefined ? "off" : `${first.target} held in ${held} of ${cells.length}`;
}

function within(cells: readonly LeaderboardCell[], limit: number): string {
  const fine = cells.filter(({ ece }) => ece <= limit).length;
  const chance = cells.filter(({ eceByChance }) => eceByChance > limit).length;
  return `${fine} of ${cells.length}${chance === 0 ? "" : ` (${chance} by chance above it)`}`;
}

function evaluateCommand(
  { set, labels, split, context = [] }: QualityResult,
  { encoder, seeds, usersMax }: QualityHow,
): string {
  const options = [
    ...labels.map((label) => `--map ${label}=${label}`),
    ...context.map(({ field, label }) => `--context ${field}=${label}`),
    ...(split.kind === "hash" ? [] : [`--split block:${split.size}`]),
    `--encoder ${encoder.join(",")} --seeds ${seeds} --markdown`,
    ...(usersMax === undefined ? [] : [`--users-max ${usersMax}`]),
  ];
  return `resonance evaluate FOLDER/${set}.events.jsonl.gz FOLDER/${set}.users.jsonl.gz ${options.join(" ")}`;
}
