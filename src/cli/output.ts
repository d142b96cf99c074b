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
export function endOnUncaught(tell: TellFailure): void {
  process.once("uncaughtException", (thrown: unknown) => {
    tell(toWireError(thrown), thrown instanceof Error ? framesOf(thrown) : undefined);
    process.exit(1);
  });
}

/** Tells a failure, with its place if nobody knows more of it. */
export type TellFailure = (error: WireError, frames?: string) => void;

/** For people, on standard error. */
function tellPeople({ code, message }: WireError, frames?: string): void {
  note(`${pc.red("error")} ${code}: ${message}`);
  if (frames !== undefined) note(frames);
}

/** Tells why a command ends: programs on standard output, people on standard error. */
export function fail(
  error: WireError,
  command: Command,
  tell: TellFailure = tellPeople,
  frames?: string,
): void {
  if (command.opts()["json"] === true) process.stdout.write(`${JSON.stringify({ error })}\n`);
  tell(error, frames);
}

/**
 * Runs a command; a failure is told with its code and what to do, and sets the exit status.
 *
 * @param tellBy - Whom failures are told, by the command's arguments; people if left out.
 */
export function runs<Arguments extends unknown[]>(
  action: (...given: Arguments) => Promise<void>,
  tellBy: (...given: Arguments) => TellFailure = () => tellPeople,
): (...given: Arguments) => Promise<void> {
  return async (...given) => {
    try {
      await action(...given);
    } catch (thrown) {
      const error = toWireError(thrown);
      const isUnknown = error.code === "INTERNAL" && thrown instanceof Error; // Its message is told with it.
      fail(error, given.at(-1) as Command, tellBy(...given), isUnknown ? framesOf(thrown) : undefined);
      process.exitCode = 1;
    }
  };
}
