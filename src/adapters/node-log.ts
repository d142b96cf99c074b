import pino from "pino";
import type { Report, ReportFacts } from "../kernel/report.ts";

/** How a node writes what happens: as lines for people, or as one JSON object a line. */
export type LogFormat = "text" | "json";
export type LogLevel = NonNullable<ReportFacts["level"]>;

const RANK: Readonly<Record<LogLevel, number>> = { info: 0, warn: 1, error: 2 };

/**
 * Writes what a node tells to standard error. A line of JSON has `level`, `time` (ISO 8601), `event`, `msg`, and `node`, `unit`, `code` and `traceId`
 * where there is one.
 *
 * @param level - What is less is left out.
 * @param write - Takes a line with its end, at once: what a process says last must not be lost.
 */
export function nodeLog(
  { format, level: least }: Readonly<{ format: LogFormat; level: LogLevel }>,
  write: (line: string) => void = (line) => void process.stderr.write(line),
): Report {
  if (format === "text")
    return (line, { level = "info" }) => {
      if (RANK[level] >= RANK[least]) write(`${line}\n`);
    };
  const logger = pino(
    {
      level: least,
      base: null, // Process and host are known to whoever collects the lines.
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
  return (line, { level = "info", ...facts }) => logger[level](facts, line);
}
