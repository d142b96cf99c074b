import { renderTable, type TableColumn } from "../../src/cli/view/table.ts";
import type { BenchResult, Measurement } from "./bench-result.ts";

const COLUMNS: readonly TableColumn[] = [
  { title: "scenario" },
  { title: "what" },
  { title: "median", align: "right" },
  { title: "unit" },
  { title: "spread", align: "right" },
  { title: "ceiling", align: "right" },
  { title: "ratio", align: "right" },
  { title: "goal" },
];

/** The result as a table for the terminal, with what was skipped and why below it. */
export function resultTable(result: Pick<BenchResult, "results" | "skipped">, columns: number): string[] {
  const rows = result.results.map((one) => [
    one.scenario,
    one.metric,
    figure(one.value),
    one.unit,
    one.spread.rounds.length > 1 ? `${figure(one.spread.min)}..${figure(one.spread.max)}` : "",
    one.ceiling === undefined ? "" : figure(one.ceiling),
    one.ratio === undefined ? "" : one.ratio.toFixed(2),
    goalCell(one),
  ]);
  const notes = result.results.flatMap(({ scenario, metric, note, ceilingName }) => [
    ...(note === undefined ? [] : [`${scenario}, ${metric}: ${note}`]),
    ...(ceilingName === undefined ? [] : [`${scenario}: ceiling is ${ceilingName}`]),
  ]);
  const skipped = result.skipped.map(({ scenario, reason }) => `skipped ${scenario}: ${reason}`);
  return [...renderTable(COLUMNS, rows, columns), "", ...new Set(notes), ...skipped];
}

/** A figure with as many digits as say something. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-GB");
  return String(Number(value.toPrecision(3)));
}

function goalCell({ goal, reached }: Measurement): string {
  if (goal === undefined) return "";
  return `${reached === true ? "reached" : "missed"} (${goal})`;
}
