import pc from "picocolors";
import type { Verdict } from "../../experiments/decide.ts";
import type { ReportedInterval, ReportedMetric } from "../../experiments/report.ts";
import type { ExperimentReportReply, ExperimentStatus } from "../../gateway/experiments.ts";
import { formatCount, formatMoment, formatSpan } from "./format-number.ts";
import { linePlot, type PlotSeries } from "./line-plot.ts";
import { renderTable } from "./table.ts";

/** Every other row has a label. */
const ROWS = 9;
const AXIS_CELLS = 9;
const COLUMNS = { min: 20, max: 72 } as const;
/** From this part of the looks on an interval fits into its drawing: the first ones are too wide to show anything. */
const SHOWN_FROM = 0.3;

const REASONS: Readonly<Record<Verdict["because"], string>> = {
  "better-and-safe":
    "the interval lies on the good side of 0, guardrails are safe, the split is as it should be",
  worse: "the interval lies on the bad side of 0",
  "guardrail-harmed": "a guardrail is harmed by more than it may be",
  "guardrail-open": "it is better, but a guardrail could still be harmed by more than it may be",
  undecided: "the interval holds 0",
  "planned-sample-reached":
    "the interval holds 0 with all planned units: the difference is small, if there is one",
  "too-early": "there is too little to look at: 200 units and 10 conversions an arm",
  "effect-changed": "no single effect fits all looks: it was another one before",
  "sample-ratio": "arms do not have the units that they should have: find out why, no number can be trusted",
};

/** Draws the experiments of a deployment, one line each. */
export function drawExperiments(experiments: readonly ExperimentStatus[], columns: number): string[] {
  if (experiments.length === 0) return ["no experiments: resonance experiment define FILE"];
  const rows = experiments.map((one) => [
    one.experiment,
    one.placement,
    one.stopped === null ? `since ${formatMoment(one.started)}` : `stopped ${formatMoment(one.stopped)}`,
    one.arms.map(({ arm, units }) => `${arm} ${formatCount(units)}`).join(", "),
    `${Math.round((100 * one.units) / one.plannedUnits)} %`,
    one.verdicts.map(({ arm, kind }) => `${arm}: ${kind}`).join("; "),
  ]);
  const titles = [
    { title: "experiment" },
    { title: "placement" },
    { title: "runs" },
    { title: "units" },
    { title: "of planned", align: "right" as const },
    { title: "verdict" },
  ];
  return renderTable(titles, rows, columns);
}

/**
 * Draws a report: arms, metrics, verdicts, and the interval over time.
 *
 * @param nowMs - Epoch ms.
 * @param columns - Cells of the terminal.
 */
export function drawReport(report: ExperimentReportReply, nowMs: number, columns: number): string[] {
  const { experiment, placement, started, stopped, units, plannedUnits, looks, sampleRatio } = report;
  const ran = formatSpan((stopped ?? nowMs) - started);
  const state = stopped === null ? `runs for ${ran}` : `stopped after ${ran}`;
  const split = sampleRatio.alarm ? pc.red("broken") : pc.green("as it should be");
  const evidence =
    sampleRatio.logE === null ? "" : `, log E ${sampleRatio.logE.toFixed(1)} of 6.9 for an alarm`;
  return [
    `${pc.bold(experiment)} at ${placement} · ${state} · ${formatCount(units)} of ${formatCount(plannedUnits)} planned units · ${formatCount(looks)} looks`,
    "",
    ...drawMetric(report, report.primary, columns),
    ...report.guardrails.flatMap((guardrail) => [
      "",
      ...drawMetric(report, guardrail, columns, `guardrail, harm up to ${percent(guardrail.harmMax)}: `),
      ...guardrail.states.map(({ arm, state }) => `${arm}: ${state}`),
    ]),
    "",
    `split: ${split} (p ${sampleRatio.p.toPrecision(2)} of this look alone${evidence})`,
    ...report.verdicts.map(
      ({ arm, kind, because }) => `${pc.bold(arm)}: ${paint(kind)}, since ${REASONS[because]}`,
    ),
    ...report.primary.lifts.flatMap((_, arm) => drawOverTime(report, arm, columns)),
    ...drawBelief(report),
  ];
}

function drawMetric(
  report: ExperimentReportReply,
  metric: ReportedMetric,
  columns: number,
  role = "",
): string[] {
  const explained = metric.varianceExplained;
  const rows = metric.means.map(({ arm, raw, mean, converted }, i) => {
    const lift = metric.lifts[i - 1]; // Control has none.
    return [
      arm,
      report.arms[i]?.policy ?? "",
      formatCount(report.arms[i]?.units ?? 0),
      formatCount(converted),
      figure(raw),
      figure(mean),
      lift === undefined || lift.lift === null ? "" : signed(lift.lift),
      lift === undefined ? "" : ends(lift.interval),
      lift === undefined || lift.p === null ? "" : lift.p.toPrecision(2),
    ];
  });
  const titles = [
    { title: "arm" },
    { title: "policy" },
    { title: "units", align: "right" as const },
    { title: "above 0", align: "right" as const },
    { title: "raw", align: "right" as const },
    { title: "adjusted", align: "right" as const },
    { title: "lift", align: "right" as const },
    { title: "interval, always valid" },
    { title: "p", align: "right" as const },
  ];
  return [
    `${role}${metric.metric}, better if it ${metric.goal}s${explained > 0.005 ? ` · covariate explains ${percent(explained)} of the variance` : ""}`,
    ...renderTable(titles, rows, columns),
  ];
}

/** The interval that all looks leave, over time, with the estimates and a line at 0. */
function drawOverTime(report: ExperimentReportReply, arm: number, columns: number): string[] {
  const looks = report.overTime.flatMap(({ atMs, lifts }) => {
    const lift = lifts[arm];
    return lift == null || lift.lower === null || lift.upper === null
      ? []
      : [{ atMs, lift: lift.lift, lower: lift.lower, upper: lift.upper }];
  });
  const [first, last] = [looks[0], looks.at(-1)];
  if (first === undefined || last === undefined || looks.length < 2) return [];
  const fitting = looks.slice(Math.floor(looks.length * SHOWN_FROM));
  const low = Math.min(0, ...fitting.map(({ lower, lift }) => Math.min(lower, lift)));
  const high = Math.max(0, ...fitting.map(({ upper, lift }) => Math.max(upper, lift)));
  const room = Math.max(high - low, 1e-9);
  const spanMs = Math.max(1, last.atMs - first.atMs);
  const series = (of: (one: (typeof looks)[number]) => number, style: PlotSeries["style"]): PlotSeries => ({
    x: looks.map(({ atMs }) => (atMs - first.atMs) / spanMs),
    y: looks.map((one) => (of(one) - low) / room),
    style,
  });
  const zero: PlotSeries = { x: [0, 1], y: [-low / room, -low / room], style: "dots" };
  const width = Math.max(COLUMNS.min, Math.min(COLUMNS.max, columns - AXIS_CELLS - 1));
  const plot = linePlot(
    [
      series(({ lower }) => lower, "line"),
      series(({ upper }) => upper, "line"),
      series(({ lift }) => lift, "dots"),
      zero,
    ],
    { columns: width, rows: ROWS },
  );
  const name = report.primary.lifts[arm]?.arm ?? "";
  const ends = `${formatMoment(first.atMs)}${" ".repeat(Math.max(1, width - 32))}${formatMoment(last.atMs)}`;
  return [
    "",
    `lift of ${name} in ${report.primary.metric}: what the intervals of all looks hold (lines), each look's estimate (dots)`,
    ...plot.map(
      (row, i) =>
        `${i % 2 === 0 ? label(high - (room * i) / (ROWS - 1)) : `${" ".repeat(AXIS_CELLS - 1)}│`}${row}`,
    ),
    `${" ".repeat(AXIS_CELLS)}${ends}`,
  ];
}

function drawBelief({ primary }: ExperimentReportReply): string[] {
  const lines = primary.lifts.flatMap(({ arm, bayes }) =>
    bayes === null
      ? []
      : [
          `  ${arm}: better with a chance of ${percent(bayes.chanceToWin)}; lift ${signed(bayes.lift)}, 95 % in ${ends(bayes.credible)}; expected loss ${percent(bayes.expectedLoss)}`,
        ],
  );
  return lines.length === 0
    ? []
    : ["", pc.dim("what to believe (for display: never stop by it)"), ...lines.map((one) => pc.dim(one))];
}

/** In the cells of the axis, however large the value. */
function label(value: number): string {
  const whole = `${value < 0 ? "-" : "+"}${Math.min(9_999, Math.round(Math.abs(100 * value)))} %`;
  return `${(Math.abs(value) < 1 ? signed(value) : whole).padStart(AXIS_CELLS - 2)} ┤`;
}

function ends({ lower, upper }: ReportedInterval): string {
  return lower === null || upper === null ? "not yet" : `${signed(lower)} to ${signed(upper)}`;
}

function signed(share: number): string {
  return `${share < 0 ? "-" : "+"}${percent(Math.abs(share))}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** Four figures, whatever the size. */
function figure(value: number | null): string {
  return value === null ? "–" : Number(value.toPrecision(4)).toString();
}

function paint(kind: Verdict["kind"]): string {
  if (kind === "ship") return pc.green("ship it");
  if (kind === "stop") return pc.red("stop it");
  return kind === "invalid" ? pc.red("invalid") : pc.yellow("go on");
}
