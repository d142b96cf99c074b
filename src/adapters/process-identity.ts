import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** A running process: the number alone is used again after its end, so its start and its command belong to it. */
export type ProcessIdentity = Readonly<{ pid: number; started: string; command: string }>;

const run = promisify(execFile);

/** The process of that number, or undefined if there is none or it has ended (a zombie). */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return process.platform === "linux" ? readProc(pid) : askPs(pid);
}

/** Whether that very process still runs, not another one of its number. */
export async function isRunning(process: Pick<ProcessIdentity, "pid" | "started">): Promise<boolean> {
  return (await identifyProcess(process.pid))?.started === process.started;
}

async function readProc(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The name in brackets may hold spaces and brackets, so the fields are counted from the last one: state is
    // the first behind it, start time in clock ticks the twentieth (proc_pid_stat(5), fields 3 and 22).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ").trim();
    return { pid, started: fields[19] ?? "", command };
  } catch {
    return undefined; // Gone, perhaps between the two reads.
  }
}

async function askPs(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    const { stdout } = await run("ps", ["-o", "stat=,lstart=,command=", "-p", String(pid)]);
    const parts = /^(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/.exec(stdout.trim());
    if (parts === null || parts[1]?.startsWith("Z")) return undefined;
    return { pid, started: parts[2] ?? "", command: parts[3] ?? "" };
  } catch {
    return undefined; // `ps` ends with 1 if there is no such process.
  }
}
