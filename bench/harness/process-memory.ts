import { readFile } from "node:fs/promises";

/** What a process holds in memory, bytes. `anonymous` leaves out what is only mapped from files, such as LMDB's pages. */
export type ProcessMemory = Readonly<{ residentBytes: number; anonymousBytes: number }>;

/** Reads a process's memory; undefined where there is no `/proc`. */
export async function memoryOf(pid: number): Promise<ProcessMemory | undefined> {
  const text = await readFile(`/proc/${pid}/status`, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const kibibytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN);
  return { residentBytes: kibibytes("VmRSS") * 1_024, anonymousBytes: kibibytes("RssAnon") * 1_024 };
}
