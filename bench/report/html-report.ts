import type { BenchResult, Measurement, Series } from "../harness/bench-result.ts";
import { figure } from "../harness/result-table.ts";
import { escapeHtml } from "./escape-html.ts";
import { linePlot } from "./line-plot.ts";
import { REPORT_STYLE } from "./report-style.ts";

/** A result as one HTML file that needs nothing else: tables, plots, machine and settings. */
export function renderHtmlReport(result: BenchResult): string {
  return htmlPage(
    `Resonance bench, ${result.startedAt}`,
    `<h1>Resonance bench</h1>
<p class="soft">${escapeHtml(machineText(result))}</p>
${verdict(result.results)}
${scenariosOf(result)
  .map((scenario) => section(scenario, result))
  .join("\n")}
${skippedSection(result)}
${settings(result)}`,
  );
}

/** A page of the bench: everything that it needs is in it. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

/** The machine and the time, in one line. */
export function machineText({ machine, startedAt }: Pick<BenchResult, "machine" | "startedAt">): string {
  const memory = `${figure(machine.memoryBytes / 2 ** 30)} GiB`;
  const load = machine.load1Minute >= 0.5 ? `, load ${machine.load1Minute.toFixed(1)} before it began` : "";
  const when = startedAt.replace("T", " ").replace(/(:\d\d)\.\d+Z$/, "$1 UTC");
  return `${when} · ${machine.cpu}, ${machine.cores} cores, ${memory}, ${machine.system}${load}`;
}

/** Scenarios in the order in which they ran. */
function scenariosOf({ results, series }: BenchResult): string[] {
  return [...new Set([...results, ...series].map(({ scenario }) => scenario))];
}

function verdict(results: readonly Measurement[]): string {
  const judged = results.filter(({ goal }) => goal !== undefined);
  if (judged.length === 0) return "";
  const reached = judged.filter((one) => one.reached === true).length;
  return `<p class="verdict">${reached} of ${judged.length} goals reached</p>`;
}

function section(scenario: string, { results, series }: BenchResult): string {
  const measured = results.filter((one) => one.scenario === scenario);
  const plots = plotGroups(series.filter((one) => one.scenario === scenario)).map(figureOf);
  const shown = plots.filter((plot) => plot !== "");
  return `<section>
<h2>${escapeHtml(scenario)}</h2>
${measured.length === 0 ? "" : table(measured)}
${shown.length === 0 ? "" : `<div class="plots">${shown.join("\n")}</div>`}
</section>`;
}

function table(measured: readonly Measurement[]): string {
  return `<table>
<thead><tr><th class="what">what</th><th class="figure median">median</th><th class="figure spread">spread</th><th class="figure ceiling">ceiling</th><th class="ratio">ratio</th><th class="goal">goal</th></tr></thead>
<tbody>
${measured.map(row).join("\n")}
</tbody>
</table>`;
}

function row(one: Measurement): string {
  const { metric, value, unit, spread, note, ceiling, ceilingName } = one;
  const rounds = spread.rounds.length;
  const range = rounds > 1 ? `${figure(spread.min)} – ${figure(spread.max)}` : "";
  const ceilingText = ceiling === undefined ? "" : figure(ceiling);
  return `<tr><th scope="row">${escapeHtml(metric)}${aside(note)}</th>
${cell("median", `<span><strong>${figure(value)}</strong> ${escapeHtml(unit)}</span>`, "figure")}
${cell("spread", range === "" ? "" : `<span>${range}${aside(`${rounds} rounds`)}</span>`, "figure")}
${cell("ceiling", ceilingText === "" ? "" : `<span>${ceilingText}${aside(ceilingName)}</span>`, "figure")}
${cell("ratio", ratioBar(one), "ratio")}
${cell("goal", goalText(one), "goal")}</tr>`;
}

function cell(label: string, content: string, style: string): string {
  return `<td class="${style}${content === "" ? " blank" : ""}" data-label="${label}">${content}</td>`;
}

function aside(text: string | undefined): string {
  return text === undefined || text === "" ? "" : `<span class="note">${escapeHtml(text)}</span>`;
}

/** The share of the ceiling as a bar, with a mark where the goal is; what is beyond the ceiling is cut off by a gap. */
function ratioBar({ ratio, goal }: Measurement): string {
  if (ratio === undefined || !Number.isFinite(ratio)) return "";
  const wanted = Number(/[<>]= ([\d.]+) x/.exec(goal ?? "")?.[1] ?? Number.NaN);
  const end = Math.max(1, ratio, Number.isNaN(wanted) ? 0 : wanted);
  const at = (value: number): string => ((100 * value) / end).toFixed(1);
  const rects = [
    `<rect class="track" width="100" height="8"/><rect class="bar" width="${at(ratio)}" height="8"/>`,
    ratio > 1 ? `<rect class="one" x="${at(1)}" width="2" height="8"/>` : "",
    Number.isNaN(wanted)
      ? ""
      : `<rect class="mark" x="${Math.min(99, Number(at(wanted)))}" width="1" height="8"/>`,
  ];
  return `<div>${ratio.toFixed(2)} ×<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">${rects.join("")}</svg></div>`;
}

function goalText({ goal, reached }: Measurement): string {
  if (goal === undefined) return "";
  const word = reached === true ? "reached" : "missed";
  return `<span><span class="${word}">${word}</span>${aside(typeset(goal))}</span>`;
}

/** A goal as it is read, not as it is typed. */
function typeset(goal: string): string {
  return goal
    .replaceAll(">= ", "≥\u00a0")
    .replaceAll("<= ", "≤\u00a0")
    .replaceAll(/(\d) x\b/g, "$1 ×");
}

/** Series that share a plot: those of one kind with the same labels. */
function plotGroups(series: readonly Series[]): Series[][] {
  const groups = new Map<string, Series[]>();
  for (const one of series) {
    const key = JSON.stringify([one.kind, one.xLabel, one.yLabel]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

const TITLES: Readonly<Record<Series["kind"], string>> = {
  percentiles: "Latency by percentile",
  "over-time": "Over time",
  growth: "Growth",
};

function figureOf(group: readonly Series[]): string {
  const plot = linePlot(group);
  const [first] = group;
  if (plot === "" || first === undefined) return "";
  return `<figure><h3>${TITLES[first.kind]}</h3>${plot}</figure>`;
}

function skippedSection({ skipped }: BenchResult): string {
  if (skipped.length === 0) return "";
  const items = skipped.map(
    ({ scenario, reason }) => `<dt>${escapeHtml(scenario)}</dt><dd>${escapeHtml(reason)}</dd>`,
  );
  return `<section><h2>Skipped</h2><dl>${items.join("")}</dl></section>`;
}

function settings({ versions, options }: BenchResult): string {
  return `<section><h2>Versions and settings</h2>${list(versions)}
<details><summary>Settings of the run</summary>${list(options)}</details></section>`;
}

function list(record: Readonly<Record<string, unknown>>): string {
  const items = Object.entries(record).map(([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(text ?? "")}</dd>`;
  });
  return `<dl>${items.join("")}</dl>`;
}
