import { linePlot, type PlotSeries } from "./line-plot.ts";

/** A line of a plot by round, with a name. */
export type NamedLine = Readonly<{ name: string; values: readonly number[]; style?: PlotSeries["style"] }>;

const ROWS = 12;
const AXIS_CELLS = 8;
const COLUMNS = { min: 20, max: 64 } as const;
/** Cells left free for the names at the right. */
const NAME_CELLS = 28;

/**
 * Draws values by round, each line named where it ends.
 *
 * @param lines - Of the same length; values are shares, and the axis spans from the least to the largest.
 * @param columns - Cells of the terminal.
 */
export function roundPlot(lines: readonly NamedLine[], columns: number): string[] {
  const values = lines.flatMap((line) => line.values);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || 1;
  const width = Math.max(COLUMNS.min, Math.min(COLUMNS.max, columns - AXIS_CELLS - NAME_CELLS));
  const rounds = lines[0]?.values.length ?? 0;
  const series = lines.map(({ values, style = "line" }) => ({
    x: values.map((_, round) => (rounds > 1 ? round / (rounds - 1) : 0)),
    y: values.map((value) => (value - low) / span),
    style,
  }));
  const names = Array.from({ length: ROWS }, () => [] as string[]);
  for (const { name, values } of lines) {
    const height = ((values.at(-1) ?? low) - low) / span;
    names[Math.min(ROWS - 1, Math.floor((1 - height) * ROWS))]!.push(name);
  }
  const drawn = linePlot(series, { columns: width, rows: ROWS }).map((row, at) => {
    const share = low + span * (1 - at / (ROWS - 1));
    const label = at % 3 === 0 || at === ROWS - 1 ? `${(100 * share).toFixed(1)} % ┤` : "│";
    return `${label.padStart(AXIS_CELLS)}${row} ${names[at]!.join(", ")}`.trimEnd();
  });
  const last = String(rounds);
  const axis = `1${" ".repeat(Math.max(1, width - 1 - last.length))}${last}`;
  return [...drawn, `${" ".repeat(AXIS_CELLS)}${axis} round`];
}
