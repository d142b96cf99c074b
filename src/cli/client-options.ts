import { type Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_NODE_OPTIONS } from "../node-options.ts";
import { natsUrlOption, withNatsOptions } from "./nats-options.ts";

/** Adds the options by which a command finds a running engine. */
export function withClientOptions(command: Command): Command {
  const own = command
    .addOption(
      new Option("--data <folder>", "data folder of a node on this machine")
        .default(DEFAULT_NODE_OPTIONS.dataDir)
        .env("RESONANCE_DATA"),
    )
    .addOption(
      new Option("--prefix <word>", "first word of the engine's subjects")
        .default(DEFAULT_NODE_OPTIONS.prefix)
        .env("RESONANCE_PREFIX"),
    )
    .option("--json", "print one JSON object", false)
    .addOption(natsUrlOption("--nats <url>", "NATS of the engine (default: the one that runs on --data)"));
  return withNatsOptions(own);
}

/** Parses a whole number of at least `min`, for commander. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min)
      throw new InvalidArgumentError(`a whole number of at least ${min}, please`);
    return value;
  };
}

/** Parses a positive number, for commander. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("a number above 0, please");
  return value;
}

/** Parses a number within bounds, for commander. */
export function numberBetween(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value >= min && value <= max))
      throw new InvalidArgumentError(`a number from ${min} to ${max}, please`);
    return value;
  };
}

/** Parses a duration such as `20s`, `5m` or `1d` to milliseconds, for commander. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  if (match === null) throw new InvalidArgumentError("a duration such as 20s, 5m or 1d, please");
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs];
}
