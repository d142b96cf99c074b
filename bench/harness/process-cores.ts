import { readFile } from "node:fs/promises";
import type { Deployment } from "./deployment.ts";

/** Cores that processes kept busy on average; empty where there is no `/proc`. */
export type CoresUsed = Readonly<Record<string, number>>;

/** Linux counts processor time in hundredths of a second for everybody. */
const TICK_MS = 10;

/** The processes that serve a deployment: its nodes by their ids, and its NATS server. */
export function servingProcesses(
  deployment: Deployment,
  ...nodes: readonly number[]
): Record<string, number> {
  const { pid } = deployment.server;
  const named = nodes.map((node, i) => [nodes.length === 1 ? "node" : `node ${i + 1}`, node] as const);
  return Object.fromEntries([...named, ...(pid === undefined ? [] : [["nats-server", pid] as const])]);
}

/** Begins to watch processes by name. @returns Ends it: cores that each used since. */
export async function watchCores(pids: Readonly<Record<string, number>>): Promise<() => Promise<CoresUsed>> {
  const beganMs = performance.now();
  const before = await processorMsOf(pids);
  return async () => {
    const after = await processorMsOf(pids);
    const tookMs = performance.now() - beganMs;
    const used = Object.keys(pids).flatMap((name) => {
      const [from, to] = [before[name], after[name]];
      return from === undefined || to === undefined ? [] : [[name, (to - from) / tookMs] as const];
    });
    return Object.fromEntries(used);
  };
}

/** Cores as words, for a note. */
export function coresText(cores: CoresUsed): string {
  const parts = Object.entries(cores).map(([name, used]) => `${name} ${used.toFixed(2)}`);
  return parts.length === 0 ? "" : `cores busy: ${parts.join(", ")}`;
}

async function processorMsOf(
  pids: Readonly<Record<string, number>>,
): Promise<Record<string, number | undefined>> {
  const entries = Object.entries(pids).map(async ([name, pid]) => [name, await processorMs(pid)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** User and system time of a process, all its threads together. */
async function processorMs(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  // The name, in brackets, may hold blanks; the fields behind it begin with the third.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
