import pc from "picocolors";
import type { Clock } from "../../kernel/clock.ts";
import { progressText } from "./progress-text.ts";

/** Where progress is written: `process.stderr`, or a test. */
export type ProgressOutput = Readonly<{
  write: (text: string) => unknown;
  isTTY?: boolean;
  /** Cells a line; 80 if not known. */
  columns?: number;
}>;

/** A line of progress that follows a task. It sets no timer: it draws when it is told something new. */
export interface ProgressLine {
  /**
   * @param count - Units done, never falling.
   * @param done - Done part in [0, 1]; null where the end is not known.
   */
  update(count: number, done: number | null): void;
  /** Draws the final state, whatever is due, and leaves the line. */
  end(): void;
}

const REDRAW_MS = 100;
const PIPE_LINE_MS = 5_000;
/** The rate shown is that of about the last five seconds. */
const RATE_WINDOW_MS = 5_000;
const CLEAR_LINE = "\r\u001b[2K";
const FALLBACK_COLUMNS = 80;

/** Opens a progress line: a terminal redraws it in place, a pipe gets a new line every few seconds. */
export function progressLine(given: {
  readonly label: string;
  readonly unit: string;
  readonly output: ProgressOutput;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** By default as the terminal says. */
  readonly color?: boolean;
}): ProgressLine {
  const { label, unit, output, clock } = given;
  const isTerminal = output.isTTY === true;
  const beganMs = clock.monotonicMs();
  const marks = [{ atMs: beganMs, count: 0 }];
  let drawnMs = beganMs;
  let count = 0;
  let done: number | null = null;

  const perSecond = (nowMs: number): number => {
    const from = marks[0] ?? { atMs: beganMs, count: 0 };
    return nowMs > from.atMs ? ((count - from.count) * 1_000) / (nowMs - from.atMs) : 0;
  };
  const draw = (nowMs: number, shownPerSecond: number): void => {
    drawnMs = nowMs;
    const text = progressText(
      { label, unit, count, done, perSecond: shownPerSecond, elapsedMs: nowMs - beganMs },
      {
        // One cell is left free: a terminal that is written full goes to the next line.
        columns: isTerminal ? (output.columns ?? FALLBACK_COLUMNS) - 1 : Number.POSITIVE_INFINITY,
        color: isTerminal && (given.color ?? pc.isColorSupported),
      },
    );
    output.write(isTerminal ? `${CLEAR_LINE}${text}` : `${text}\n`);
  };

  return {
    update: (newCount, newDone) => {
      count = newCount;
      done = newDone;
      const nowMs = clock.monotonicMs();
      if (nowMs - drawnMs < (isTerminal ? REDRAW_MS : PIPE_LINE_MS)) return;
      draw(nowMs, perSecond(nowMs));
      marks.push({ atMs: nowMs, count });
      while (marks.length > 2 && (marks[1]?.atMs ?? nowMs) <= nowMs - RATE_WINDOW_MS) marks.shift();
    },
    end: () => {
      const nowMs = clock.monotonicMs();
      // At the end the mean over all says more than the last seconds.
      draw(nowMs, nowMs > beganMs ? (count * 1_000) / (nowMs - beganMs) : 0);
      if (isTerminal) output.write("\n");
    },
  };
}
