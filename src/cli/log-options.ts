import { type Command, Option } from "commander";
import { type LogFormat, type LogLevel, nodeLog } from "../adapters/node-log.ts";
import type { WireError } from "../kernel/engine-error.ts";
import type { Report } from "../kernel/report.ts";

/** How a node writes what happens. */
export type LogOptions = Readonly<{ logFormat: LogFormat; logLevel: LogLevel }>;

/** Adds them to a command that starts a node. */
export function withLogOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--log-format <format>", "what the node writes to standard error: lines of text, or of JSON")
        .choices(["text", "json"])
        .default("text")
        .env("RESONANCE_LOG_FORMAT"),
    )
    .addOption(
      new Option("--log-level <level>", "the least that is written")
        .choices(["info", "warn", "error"])
        .default("info")
        .env("RESONANCE_LOG_LEVEL"),
    );
}

/** Where a node that a command starts tells what happens. */
export function logOf({ logFormat, logLevel }: LogOptions): Report {
  return nodeLog({ format: logFormat, level: logLevel });
}

/** Tells a failure that ends a node, with its place if nobody knows more of it. */
export function tellFailure(report: Report, { code, message }: WireError, frames?: string): void {
  const facts = { event: "node.failed", level: "error", code } as const;
  report(`error ${code}: ${message}`, facts);
  if (frames !== undefined) report(frames, facts);
}
