import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../kernel/engine-error.ts";
import { identifyProcess, isRunning, type ProcessIdentity } from "./process-identity.ts";

const LOCK_FILE = "node.lock";
const TRIES_MAX = 5;

/**
 * Takes a folder for this process: two nodes over one store would each undo what the other wrote. A lock whose
 * process has ended, however it did, counts for nothing.
 *
 * @returns Gives the folder free.
 * @throws EngineError `DATA_IN_USE` if a process that runs has it.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, LOCK_FILE);
  const self = await identifyProcess(process.pid);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    try {
      await writeFile(path, JSON.stringify({ pid: process.pid, started: self?.started ?? "" }), {
        flag: "wx",
      });
      return () => rm(path, { force: true });
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
    }
    const holder = await holderOf(path);
    if (holder !== undefined && (await isRunning(holder))) throw inUse(folder, holder.pid);
    await rm(path, { force: true });
  }
  throw inUse(folder, undefined);
}

async function holderOf(path: string): Promise<Pick<ProcessIdentity, "pid" | "started"> | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Pick<ProcessIdentity, "pid" | "started">;
  } catch {
    return undefined; // Gone, or cut off by a crash: nobody holds it.
  }
}

function inUse(folder: string, pid: number | undefined): EngineError {
  const who = pid === undefined ? "another process" : `process ${pid}`;
  const message = `${folder} is in use by ${who}: stop it, or give this node a folder of its own with --data`;
  return new EngineError({ code: "DATA_IN_USE", message, retryable: false, detail: { folder } });
}
