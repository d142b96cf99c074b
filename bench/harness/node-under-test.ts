import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A node in a process of its own, as an operator starts it. */
export type NodeUnderTest = Readonly<{
  pid: number;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Ends it as an operator does: shards drain and commit. */
  stop(): Promise<void>;
}>;

/** A node that was started and is not ready yet. */
export type StartingNode = Readonly<{
  pid: number;
  ready: Promise<NodeUnderTest>;
  /** What it has said on standard error so far. */
  said: readonly string[];
  kill(): Promise<void>;
}>;

const SAID_MAX = 200;

/**
 * Runs `resonance up` with these options.
 *
 * @param runtime - Options of Node itself.
 */
export function spawnNode(options: readonly string[], runtime: readonly string[]): StartingNode {
  const ending = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const main = fileURLToPath(new URL(`../../src/cli/main${ending}`, import.meta.url));
  const child = spawn(process.execPath, [...runtime, main, "up", "--json", ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const onExit = (): void => void child.kill("SIGKILL"); // Whatever ends the bench leaves no node behind.
  process.once("exit", onExit);
  const exited = once(child, "exit").finally(() => process.off("exit", onExit));
  exited.catch(() => {});
  const said: string[] = [];
  if (child.stderr !== null)
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      if (said.length > SAID_MAX) said.shift();
    });
  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  const ready = untilReady(child, exited, said).then(
    (): NodeUnderTest => ({
      pid: child.pid ?? 0,
      kill: () => end("SIGKILL"),
      async stop() {
        await end("SIGTERM");
        if (child.exitCode !== 0)
          throw new Error(`the node ended with ${child.exitCode}:\n${said.join("\n")}`);
      },
    }),
  );
  ready.catch(() => {}); // Whoever awaits it is told.
  return { pid: child.pid ?? 0, ready, said, kill: () => end("SIGKILL") };
}

async function untilReady(
  child: ChildProcess,
  exited: Promise<unknown[]>,
  said: readonly string[],
): Promise<void> {
  if (child.stdout === null) throw new Error("the node has no output");
  const ended = exited.then(([status]) => {
    throw new Error(`the node ended with ${String(status)} before it was ready:\n${said.join("\n")}`);
  });
  const line = once(createInterface({ input: child.stdout }), "line");
  await Promise.race([line, ended]);
}
