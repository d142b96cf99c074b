import { systemClock } from "../adapters/system-clock.ts";
import { progressLine } from "./view/progress-line.ts";

const KB = 1_000;

/**
 * A line of progress of bytes; silent for programs.
 *
 * @param total - Bytes in all; 0 if that is not known.
 */
export function bytesProgress(label: string, isSilent: boolean, total = 0) {
  const output = isSilent ? { write: () => true } : process.stderr;
  const line = progressLine({ label, unit: "kB", output, clock: systemClock });
  return {
    update: (bytes: number): void =>
      line.update(Math.round(bytes / KB), total === 0 ? null : Math.min(1, bytes / total)),
    end: (): void => line.end(),
  };
}
