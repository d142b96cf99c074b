import { bar } from "./bars.ts";
import { formatCount, formatPercent, formatSpan } from "./format-number.ts";
import { type Piece, paintLine } from "./painted-line.ts";

/** How far a long task is. */
export type Progress = Readonly<{
  label: string;
  /** What is counted, in the plural: `events`. */
  unit: string;
  count: number;
  perSecond: number;
  elapsedMs: number;
  /** Done part in [0, 1]; null where the end is not known. */
  done: number | null;
}>;

const BAR_CELLS_MAX = 30;
const BAR_CELLS_MIN = 5;

/** Draws one line of progress of at most `columns` cells; the bar takes what the words leave. */
export function progressText(progress: Progress, screen: { columns: number; color: boolean }): string {
  const count = `${formatCount(progress.count)} ${progress.unit}`;
  const rate = `${formatCount(progress.perSecond)}/s`;
  const words = `${count}  ${rate}  ${timeText(progress)}`;
  const pieces: Piece[] = [{ text: `${progress.label}  `, look: "strong" }];
  if (progress.done !== null) {
    const percent = formatPercent(progress.done).padStart(4);
    const left = screen.columns - progress.label.length - words.length - percent.length - 6;
    const cells = Math.min(BAR_CELLS_MAX, left);
    if (cells >= BAR_CELLS_MIN) {
      pieces.push({ text: `▕${bar(progress.done, cells).padEnd(cells)}▏`, look: "accent" });
    }
    pieces.push({ text: `${percent}  ` });
  }
  return paintLine([...pieces, { text: words }], screen);
}

/** Time left, from the whole time so far: it forgives a slow minute better than the present rate does. */
function timeText({ done, elapsedMs }: Progress): string {
  if (done === null || done <= 0) return formatSpan(elapsedMs);
  if (done >= 1) return `in ${formatSpan(elapsedMs)}`;
  return `${formatSpan((elapsedMs * (1 - done)) / done)} left`;
}
