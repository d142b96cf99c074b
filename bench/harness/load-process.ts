import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { LoadResult, LoadTask } from "./load-tasks.ts";

/** A process that makes load, apart from whoever bears it. */
export type LoadProcess = Readonly<{
  pid: number;
  /** Runs one task to its end; an echo answers from the time on at which this resolves. */
  run(task: LoadTask): Promise<LoadResult>;
  close(): Promise<void>;
}>;

/** What the process answers to each task. */
export type LoadAnswer = Readonly<{ result: LoadResult }> | Readonly<{ failure: string }>;

/** Starts a load process. */
export async function startLoadProcess(): Promise<LoadProcess> {
  const ending = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const main = fileURLToPath(new URL(`./load-main${ending}`, import.meta.url));
  const child = fork(main, { serialization: "advanced", stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const exited = once(child, "exit");
  await Promise.race([once(child, "message"), failedOn(exited)]);
  return {
    pid: child.pid ?? 0,
    async run(task) {
      const answer = once(child, "message");
      child.send(task);
      const [told] = (await Promise.race([answer, failedOn(exited)])) as [LoadAnswer];
      if ("failure" in told) throw new Error(`a load process failed: ${told.failure}`);
      return told.result;
    },
    async close() {
      if (child.exitCode === null && child.signalCode === null) child.disconnect();
      await exited;
    },
  };
}

/** Runs a task in a load process of its own. */
export async function runLoad(task: LoadTask): Promise<LoadResult> {
  const load = await startLoadProcess();
  try {
    return await load.run(task);
  } finally {
    await load.close();
  }
}

async function failedOn(exited: Promise<unknown[]>): Promise<never> {
  const [status] = await exited;
  throw new Error(`a load process ended with ${String(status)}`);
}
