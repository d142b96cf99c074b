import { renderTable, type TableColumn } from "../../src/cli/view/table.ts";
import type { BenchResult } from "../harness/bench-result.ts";
import { figure } from "../harness/result-table.ts";
import type { Compared, ComparedFigure, Comparison } from "./compare-results.ts";
import { escapeHtml } from "./escape-html.ts";
import { htmlPage, machineText } from "./html-report.ts";

/** Two runs and what was found between them. */
export type ComparedRuns = Readonly<{ before: BenchResult; after: BenchResult; comparison: Comparison }>;

const COLUMNS: readonly TableColumn[] = [
  { title: "scenario" },
  { title: "what" },
  { title: "old", align: "right" },
  { title: "new", align: "right" },
  { title: "unit" },
  { title: "change", align: "right" },
  { title: "" },
];

/** A comparison as a table for the terminal. */
export function comparisonLines({ before, after, comparison }: ComparedRuns, columns: number): string[] {
  const rows = comparison.figures.map((one) => [
    one.scenario,
    one.metric,
    sideText(one.before),
    sideText(one.after),
    one.unit,
    changeText(one),
    one.verdict,
  ]);
  return [
    `old: ${machineText(before)}`,
    `new: ${machineText(after)}`,
    ...(comparison.sameMachine ? [] : [OTHER_MACHINE]),
    "",
    ...renderTable(COLUMNS, rows, columns),
    ...comparison.differences.map(([name, was, is]) => `${name}: ${was} -> ${is}`),
  ];
}

/** A comparison as one HTML file that needs nothing else. */
export function renderComparison({ before, after, comparison }: ComparedRuns): string {
  const differences = comparison.differences.map(
    ([name, was, is]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(`${was} → ${is}`)}</dd>`,
  );
  return htmlPage(
    "Resonance bench, two runs",
    `<h1>Resonance bench, two runs</h1>
<p class="soft">old: ${escapeHtml(machineText(before))}</p>
<p class="soft">new: ${escapeHtml(machineText(after))}</p>
${comparison.sameMachine ? "" : `<p class="verdict">${OTHER_MACHINE}</p>`}
<h2>Figures</h2>
<table>
<thead><tr><th class="what">what</th><th class="figure median">old</th><th class="figure median">new</th><th class="figure ceiling">change</th><th>verdict</th></tr></thead>
<tbody>
${comparison.figures.map(rowOf).join("\n")}
</tbody>
</table>
${differences.length === 0 ? "" : `<h2>What else differs</h2><dl>${differences.join("")}</dl>`}`,
  );
}

const OTHER_MACHINE =
  "Two machines: ratios to the ceilings of each run are compared where both have one; other figures are only shown.";

function rowOf(one: ComparedFigure): string {
  const style = one.verdict === "better" ? "reached" : one.verdict === "worse" ? "missed" : "soft";
  return `<tr><th scope="row">${escapeHtml(one.metric)}<span class="note">${escapeHtml(one.scenario)}</span></th>
<td class="figure" data-label="old">${sideCell(one.before, one.unit)}</td>
<td class="figure" data-label="new">${sideCell(one.after, one.unit)}</td>
<td class="figure" data-label="change">${changeText(one)}</td>
<td data-label="verdict"><span class="${style}">${one.verdict}</span></td></tr>`;
}

function sideCell(side: Compared | undefined, unit: string): string {
  if (side === undefined) return "";
  const range = side.rounds > 1 ? `${figure(side.min)} – ${figure(side.max)}` : "one round";
  return `<span><strong>${figure(side.figure)}</strong> ${escapeHtml(unit)}<span class="note">${range}</span></span>`;
}

function sideText(side: Compared | undefined): string {
  return side === undefined ? "" : figure(side.figure);
}

function changeText({ changePercent }: ComparedFigure): string {
  if (changePercent === undefined) return "";
  return `${changePercent < 0 ? "−" : "+"}${figure(Math.abs(changePercent))} %`;
}
