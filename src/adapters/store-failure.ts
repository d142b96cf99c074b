import { closeSync, openSync, statfsSync, statSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../kernel/engine-error.ts";

/** A store's file as LMDB names it inside its folder. */
export const DATA_FILE = "data.mdb";
const PROBE_FILE = "probe";
const PROBE_BYTES = 4_096;

/** Codes of the system for a disk, a quota or a file that is full; and LMDB's for its map. */
const FULL: readonly unknown[] = ["ENOSPC", "EDQUOT", "EFBIG", 28, 122, 27, -30792];
/** LMDB can write a part of a page only when the disk fills up; it tells that as an error of input and output. */
const INPUT_OUTPUT = 5;
/** LMDB's codes for pages that make no sense, and for what is no file of its own. */
const CORRUPT: readonly unknown[] = [-30797, -30796, -30794, -30793];

/** A local store is damaged: it must be set aside, and what it held taken from elsewhere. */
export function storeCorrupt(
  path: string,
  reason: string,
  detail: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): EngineError<"STORE_CORRUPT"> {
  const message = `the store ${path} is damaged: ${reason}`;
  return new EngineError({
    code: "STORE_CORRUPT",
    message,
    retryable: false,
    detail: { path, ...detail },
    cause,
  });
}

/** A store's disk has no room. Nothing was written, and the same write works once there is. */
export function diskFull(path: string, cause?: unknown): EngineError<"DISK_FULL"> {
  const message = `the disk of the store ${path} has no room`;
  return new EngineError({ code: "DISK_FULL", message, retryable: true, detail: { path }, cause });
}

/** What LMDB threw while it was opened or read, as the error that it means. */
export function readFailure(path: string, thrown: unknown): unknown {
  if (thrown instanceof EngineError || !(thrown instanceof Error)) return thrown;
  const { code } = thrown as { readonly code?: unknown };
  if (CORRUPT.includes(code)) return storeCorrupt(path, thrown.message, {}, thrown);
  if (isFull(thrown)) return diskFull(path, thrown);
  return storeFailed(path, thrown.message, thrown);
}

/**
 * What LMDB rejected a commit with, as the error that it means. LMDB keeps what it was before the commit.
 *
 * @param neededBytes - That the commit may have needed at most.
 */
export async function commitFailure(
  path: string,
  thrown: unknown,
  neededBytes: number,
): Promise<EngineError> {
  const cause = await rootCause(thrown);
  if (cause instanceof EngineError) return cause;
  const { code, message } = cause as { readonly code?: unknown; readonly message?: string };
  if (isFull(cause)) return diskFull(path, cause);
  if (code === INPUT_OUTPUT && !hasRoom(path, neededBytes)) return diskFull(path, cause);
  if (CORRUPT.includes(code)) return storeCorrupt(path, message ?? String(code), {}, cause);
  return storeFailed(path, message ?? String(cause), cause);
}

/** Free space of the disk that a folder is on; Infinity if nobody can tell. */
export function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY; // The folder is gone, or worse: the commit itself meets it.
  }
}

/** Whether a store's file may grow by so many bytes: by the free space of its disk, and by writing where it would end. */
export function hasRoom(path: string, bytes: number): boolean {
  const probe = join(path, PROBE_FILE);
  try {
    if (freeBytes(path) < bytes) return false;
    const file = openSync(probe, "w");
    try {
      // A hole in front: it takes no space, and limits on a file's size are met all the same.
      writeSync(
        file,
        new Uint8Array(PROBE_BYTES),
        0,
        PROBE_BYTES,
        statSync(join(path, DATA_FILE)).size + bytes,
      );
    } finally {
      closeSync(file);
      unlinkSync(probe);
    }
    return true;
  } catch (thrown) {
    return !isFull(thrown); // Other failures are for the commit itself to meet.
  }
}

/** Whether an error of the system, or of LMDB, says that there is no room. */
export function isFull(thrown: unknown): boolean {
  return FULL.includes((thrown as { readonly code?: unknown } | undefined)?.code);
}

function storeFailed(path: string, reason: string, cause: unknown): EngineError<"STORE_FAILED"> {
  const message = `the store ${path} failed: ${reason}`;
  return new EngineError({ code: "STORE_FAILED", message, retryable: false, detail: { path }, cause });
}

/** A rejected commit names its reason in a promise that rejects a moment later, and that must not go unheard. */
async function rootCause(thrown: unknown): Promise<unknown> {
  const { commitError } = thrown as { readonly commitError?: PromiseLike<unknown> };
  if (commitError === undefined) return thrown;
  try {
    return await commitError;
  } catch (cause) {
    return cause;
  }
}
