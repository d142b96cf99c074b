import type { Comparison, Leaderboard, LeaderboardRow } from "../../resonance/evaluation/leaderboard.ts";
import { formatCount } from "../view/format-number.ts";
import { renderTable, type TableColumn } from "../view/table.ts";

/** A leaderboard as tables of methods by depth, and one for each encoder against the best baseline. */
export type LeaderboardTables = Readonly<{
  title: string;
  methods: TextTable;
  ece: TextTable;
  encoders: readonly (TextTable & Readonly<{ title: string; verdict: string; thresholds: ThresholdTable }>)[];
}>;

type ThresholdTable = TextTable & Readonly<{ title: string }>;

export type TextTable = Readonly<{ columns: readonly TableColumn[]; rows: readonly (readonly string[])[] }>;

/** What the cells mean, once for all tables. */
export const LEGEND = [
  "Cells: AUC (macro one-vs-rest) / log-loss, after that many events of each masked user (all there are, if fewer).",
  '"None" is taken out of all answers. ECE: of the highest probability, 15 bins of equal mass;',
  "in brackets what perfectly calibrated answers would show on as many users, by chance.",
  "Gain: over the best baseline of that depth, ± one paired standard error by user.",
  "Better: by more than two standard errors; worse: by more than one; level: in between.",
] as const;

export function leaderboardTables(board: Leaderboard): LeaderboardTables {
  const { map, segments, members, masked, splits, rows } = board;
  const depths = rows[0]?.cells.map(({ depth }) => String(depth)) ?? [];
  const encoders = rows.filter(({ kind }) => kind === "encoder");
  return {
    title: `${map} (${segments} segments): ${formatCount(members)} members, ${formatCount(masked)} masked users, ${splits === 1 ? "one split" : `mean of ${splits} splits`}`,
    methods: {
      columns: [
        { title: "method" },
        ...depths.map((title) => ({ title, align: "right" }) as const),
        { title: "fit s", align: "right" },
        { title: "us/event", align: "right" },
      ],
      rows: rows.map(methodRow),
    },
    ece: {
      columns: [{ title: "ECE" }, ...depths.map((title) => ({ title, align: "right" }) as const)],
      rows: rows.map(({ method, cells }) => [
        method,
        ...cells.map(({ ece, eceByChance }) => `${digits(ece)} (${digits(eceByChance)})`),
      ]),
    },
    encoders: encoders.map((row) => ({
      ...encoderTable(row),
      title: row.method,
      verdict: countsText(row),
      thresholds: thresholdTable(row, board),
    })),
  };
}

/** Lines for a terminal. */
export function drawLeaderboard(board: Leaderboard, columns: number): string[] {
  const { title, methods, ece, encoders } = leaderboardTables(board);
  return [
    title,
    ...renderTable(methods.columns, methods.rows, columns),
    "",
    ...renderTable(ece.columns, ece.rows, columns),
    ...encoders.flatMap((table) => [
      "",
      `${table.title} against the best baseline: ${table.verdict}`,
      ...renderTable(table.columns, table.rows, columns),
      "",
      table.thresholds.title,
      ...(table.thresholds.rows.length === 0
        ? []
        : renderTable(table.thresholds.columns, table.thresholds.rows, columns)),
    ]),
  ];
}

/** The same in Markdown. */
export function markdownLeaderboard(board: Leaderboard): string[] {
  const { title, methods, ece, encoders } = leaderboardTables(board);
  return [
    `### ${title}`,
    "",
    ...markdownTable(methods),
    "",
    ...markdownTable(ece),
    "",
    ...encoders.flatMap((table) => [
      `\`${table.title}\` against the best baseline: ${table.verdict}`,
      "",
      ...markdownTable(table),
      "",
      table.thresholds.title,
      "",
      ...(table.thresholds.rows.length === 0 ? [] : [...markdownTable(table.thresholds), ""]),
    ]),
  ];
}

function markdownTable({ columns, rows }: TextTable): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ align }) => (align === "right" ? "---:" : "---"))),
    ...rows.map(line),
  ];
}

function methodRow(row: LeaderboardRow): string[] {
  const cells = row.cells.map(({ auc, logLoss }) => `${digits(auc)}/${digits(logLoss)}`);
  return [row.method, ...cells, row.fitSeconds.toFixed(1), row.eventMicros.toFixed(1)];
}

function encoderTable(row: LeaderboardRow): TextTable {
  return {
    columns: [
      { title: "events", align: "right" },
      { title: "AUC", align: "right" },
      { title: "gain", align: "right" },
      { title: "over" },
      { title: "" },
      { title: "log-loss", align: "right" },
      { title: "gain", align: "right" },
      { title: "over" },
      { title: "" },
    ],
    rows: row.cells.map(({ depth, auc, logLoss, versus }) => [
      String(depth),
      digits(auc),
      ...comparisonCells(versus?.auc ?? null),
      digits(logLoss),
      ...comparisonCells(versus?.logLoss ?? null),
    ]),
  };
}

/** What becomes of thresholds by precision on masked users. */
function thresholdTable(row: LeaderboardRow, { precision, segments, splits }: Leaderboard): ThresholdTable {
  const reports = row.thresholds ?? [];
  const on = reports[0]?.on ?? 0;
  const title = `\`${row.method}\`, thresholds at precision ${String(precision).replace(/^0/, "")}: ${on} of ${segments * splits} are on (${splits === 1 ? "one split" : `${splits} splits`})`;
  return {
    title,
    columns: [
      { title: "events", align: "right" },
      { title: "precision", align: "right" },
      { title: "bounds (one-sided 95 %)", align: "right" },
      { title: "passed", align: "right" },
      { title: "reach", align: "right" },
    ],
    rows:
      on === 0
        ? []
        : reports.map(({ precision: found, accepted, reach }, d) => [
            String(row.cells[d]!.depth),
            digits(found?.value ?? null),
            found === null ? "" : `${digits(found.lower)} - ${digits(found.upper)}`,
            formatCount(accepted),
            digits(reach),
          ]),
  };
}

function comparisonCells(comparison: Comparison | null): string[] {
  if (comparison === null) return ["-", "", ""];
  const { mean, standardError, baseline, verdict } = comparison;
  const sign = mean < 0 ? "-" : "+";
  return [`${sign}${digits(Math.abs(mean), 4)} ± ${digits(standardError, 4)}`, baseline, verdict];
}

function countsText({ counts }: LeaderboardRow): string {
  if (counts === undefined) return "";
  const text = (of: "auc" | "logLoss") =>
    `${counts[of].better} better, ${counts[of].level} level, ${counts[of].worse} worse`;
  return `AUC ${text("auc")}; log-loss ${text("logLoss")}`;
}

/** `.832`: the zero before the point says nothing in a column of shares. */
function digits(value: number | null, decimals = 3): string {
  if (value === null) return "-";
  return value.toFixed(decimals).replace(/^(-?)0\./, "$1.");
}
