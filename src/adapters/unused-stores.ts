import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DATA_FILE } from "./store-failure.ts";

/** What tells which stores of a folder may go. */
export type UnusedStores = Readonly<{
  /** Stores that were not written to for so long, ms. */
  unusedMs: number;
  nowMs: number;
  /** Whether a copy of this node's is open on a store, by the store's name, or may be at any moment. */
  isUsed(name: string): boolean;
}>;

/**
 * Removes stores that this node has no copy of any more: nobody takes users out of them who are erased elsewhere. Behind the
 * time that logs are kept they would hardly be of use again.
 *
 * @param folder - Of the stores, each a folder that is named by its number; those set aside go with them.
 * @returns Names of those that went.
 */
export function removeUnusedStores(folder: string, { unusedMs, nowMs, isUsed }: UnusedStores): string[] {
  const removed: string[] = [];
  for (const name of namesIn(folder)) {
    const number = /^(\d+)(\.corrupt-\d+)?$/.exec(name)?.[1];
    if (number === undefined || isUsed(number) || nowMs - writtenMs(join(folder, name)) < unusedMs) continue;
    rmSync(join(folder, name), { recursive: true, force: true });
    removed.push(name);
  }
  return removed;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // Nothing was kept here yet.
  }
}

/** When a store was written to last, epoch ms; now, for one that is just being made. */
function writtenMs(store: string): number {
  try {
    return statSync(join(store, DATA_FILE)).mtimeMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
