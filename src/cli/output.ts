import type { Command } from "commander";
import pc from "picocolors";
import { toWireError, type WireError } from "../kernel/engine-error.ts";
import { framesOf } from "../kernel/without-quotes.ts";

/** Prints a command's result: one JSON object for programs, or what the command draws for people. */
export function print(json: boolean, result: unknown, draw: () => readonly string[]): void {
  const text = json ? JSON.stringify(result) : draw().join("\n");
  process.stdout.write(`${text}\n`);
}

/** A line about progress, beside the result: standard error, so that standard output stays clean. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * What nobody caught ends the process, as it would by itself, but without what it quotes: a node's log holds nothing of what it
 * was sent.
 */
export function endOnUncaught(): void {
  process.once("uncaughtException", (thrown: unknown) => {
    const { code, message } = toWireError(thrown);
    note(`${pc.red("error")} ${code}: ${message}`);
    if (thrown instanceof Error) note(framesOf(thrown));
    process.exit(1);
  });
}

/** Tells why a command ends: programs on standard output, people on standard error. */
export function fail(error: WireError, command: Command): void {
  if (command.opts()["json"] === true) process.stdout.write(`${JSON.stringify({ error })}\n`);
  note(`${pc.red("error")} ${error.code}: ${error.message}`);
}

/** Runs a command; a failure is told with its code and what to do, and sets the exit status. */
export function runs<Arguments extends unknown[]>(
  action: (...given: Arguments) => Promise<void>,
): (...given: Arguments) => Promise<void> {
  return async (...given) => {
    try {
      await action(...given);
    } catch (thrown) {
      const error = toWireError(thrown);
      fail(error, given.at(-1) as Command);
      if (error.code === "INTERNAL" && thrown instanceof Error) note(framesOf(thrown)); // Its message is told above.
      process.exitCode = 1;
    }
  };
}
