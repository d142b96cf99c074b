import { systemClock } from "../../adapters/system-clock.ts";
import { note } from "../output.ts";
import { readRecording } from "../recording/read-recording.ts";
import type { ContextLabel, MapLabel } from "../recording/segment-maps.ts";
import { progressLine } from "../view/progress-line.ts";
import { trainingLine } from "../view/training-line.ts";
import { evaluateStatic, type StaticEvaluation, type StaticOptions } from "./evaluate-static.ts";

/** Reads files and evaluates what is in them, telling on standard error how far it is. */
export async function runStatic(
  given: {
    readonly eventsPath: string;
    readonly usersPath: string;
    readonly maps: readonly MapLabel[];
    readonly usersMax?: number;
    readonly context?: readonly ContextLabel[];
  },
  options: StaticOptions,
): Promise<StaticEvaluation> {
  const output = process.stderr;
  const reading = progressLine({ label: "read", unit: "events", output, clock: systemClock });
  const recording = await readRecording(given, (events, done) => reading.update(events, done));
  reading.end();
  const training = trainingLine(output, systemClock);
  const evaluation = await evaluateStatic(recording, options, {
    training: (seed, method, progress) => training.update(`seed ${seed} ${method}`, progress),
    done(seed, map, { name, fitSeconds, cells }) {
      training.end();
      const end = cells.at(-1);
      if (end === undefined) return;
      const quality = `AUC ${end.auc.toFixed(3)}, log-loss ${end.logLoss.toFixed(3)} at the end`;
      note(`seed ${seed} ${map}: ${name} fitted in ${fitSeconds.toFixed(1)} s: ${quality}`);
    },
  });
  training.end();
  return evaluation;
}
