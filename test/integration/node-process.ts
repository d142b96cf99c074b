import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** A node in a process of its own, as an operator starts it. */
export type NodeProcess = Readonly<{
  /** What `up --json` printed once it was ready. */
  ready: Readonly<Record<string, unknown>>;
  pid: number;
  /** How it ended: its exit status, or the signal. */
  exited: Promise<number | string>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Ends it as an operator does. @returns The exit status. */
  stop(): Promise<number | null>;
}>;

/** What a test may want beside the node's options. */
export type NodeProcessHow = Readonly<{
  /** Options of Node itself. */
  runtime?: readonly string[];
  /** Variables of its environment beside the test's own. */
  env?: Readonly<Record<string, string>>;
  /** The command line of another build. */
  main?: string;
  /** Is told the process's id before it is ready, and each line that it says on standard error. */
  started?(pid: number): void;
  said?(line: string): void;
  /** Is told each line that it prints on standard output. */
  printed?(line: string): void;
}>;

/** Runs `resonance up` with these options until it says that it is ready. */
export async function startNodeProcess(
  options: readonly string[],
  how: NodeProcessHow = {},
): Promise<NodeProcess> {
  const main = how.main ?? MAIN;
  const child = spawn(process.execPath, [...(how.runtime ?? []), main, "up", "--json", ...options], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...how.env },
  });
  how.started?.(child.pid ?? 0);
  const exited = once(child, "exit").then(([status, signal]) => (status ?? signal) as number | string);
  exited.catch(() => {}); // It could not be started: told below.
  const said: string[] = [];
  child.stderr?.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  if (child.stderr !== null && how.said !== undefined)
    createInterface({ input: child.stderr }).on("line", (line) => how.said?.(line));
  if (child.stdout !== null && how.printed !== undefined)
    createInterface({ input: child.stdout }).on("line", (line) => how.printed?.(line));
  const ready = await firstLine(child, said);
  const ended = async (signal: "SIGKILL" | "SIGTERM"): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
    return child.exitCode;
  };
  return {
    ready,
    pid: child.pid ?? 0,
    exited,
    async kill() {
      await ended("SIGKILL");
    },
    stop: () => ended("SIGTERM"),
  };
}

async function firstLine(
  child: ChildProcess,
  said: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  if (child.stdout === null) throw new Error("the node has no output");
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, "exit").then(([status]) => {
    throw new Error(`the node ended with ${status} before it was ready:\n${said.join("")}`);
  });
  const line = await Promise.race([once(lines, "line").then(([text]) => String(text)), ended]);
  const told = JSON.parse(line) as Readonly<Record<string, unknown>>;
  return told["ready"] === true ? told : ended; // Else it tells why it ends.
}
