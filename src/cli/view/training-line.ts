import type { TrainingProgress } from "../../embedding/encoder-training.ts";
import type { Clock } from "../../kernel/clock.ts";
import { formatCount } from "./format-number.ts";
import type { ProgressOutput } from "./progress-line.ts";

/** A line that follows a training: stage, loss, rate, time left. It sets no timer. */
export interface TrainingLine {
  update(label: string, progress: TrainingProgress): void;
  /** Leaves the line, if one was begun. */
  end(): void;
}

const REDRAW_MS = 200;
const PIPE_LINE_MS = 5_000;
const CLEAR_LINE = "\r\u001b[2K";

/** Opens a line: a terminal redraws it in place, a pipe gets a new line every few seconds. */
export function trainingLine(output: ProgressOutput, clock: Pick<Clock, "monotonicMs">): TrainingLine {
  const isTerminal = output.isTTY === true;
  let drawnMs = Number.NEGATIVE_INFINITY;
  let stage = "";
  let beganMs = 0;
  let isOpen = false;
  return {
    update(label, progress) {
      const nowMs = clock.monotonicMs();
      const newStage = `${label} ${progress.stage} ${progress.part ?? 0}`;
      const isNew = newStage !== stage;
      if (isNew) beganMs = nowMs;
      stage = newStage;
      if (!isNew && nowMs - drawnMs < (isTerminal ? REDRAW_MS : PIPE_LINE_MS)) return;
      drawnMs = nowMs;
      const text = trainingText(label, progress, nowMs - beganMs);
      output.write(isTerminal ? `${CLEAR_LINE}${text.slice(0, (output.columns ?? 80) - 1)}` : `${text}\n`);
      isOpen = isTerminal;
    },
    end() {
      if (isOpen) output.write("\n");
      isOpen = false;
    },
  };
}

/** A training's progress in words. @param elapsedMs - Since its stage began. */
export function trainingText(label: string, progress: TrainingProgress, elapsedMs: number): string {
  const { stage, step, steps, part = 0, parts = 1, loss, heldOutLoss, events } = progress;
  const seconds = elapsedMs / 1_000;
  const training = parts > 1 ? ` (training ${part + 1} of ${parts})` : "";
  const told = [`${label}${training}: ${stage} ${formatCount(step)} of ${formatCount(steps)}`];
  if (loss !== undefined) told.push(`loss ${loss.toFixed(4)}`);
  if (heldOutLoss !== undefined) told.push(`held out ${heldOutLoss.toFixed(4)}`);
  if (events !== undefined && seconds > 0) told.push(`${formatCount(Math.round(events / seconds))} events/s`);
  if (step > 0 && step < steps) told.push(`${timeText((seconds * (steps - step)) / step)} left`);
  return told.join(", ");
}

function timeText(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
