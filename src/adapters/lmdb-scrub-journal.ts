import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { decode, encode } from "../kernel/msgpack.ts";
import { metaInForce, readMetas, withFile } from "./lmdb-pages.ts";
import type { Patch } from "./lmdb-scrub.ts";
import { seal, unseal } from "./sealed-value.ts";
import { DATA_FILE } from "./store-failure.ts";

const JOURNAL_FILE = "scrub.journal";
/** Written between two turns of the thread: about a millisecond. What a write costs by itself counts as so many bytes. */
const WRITTEN_BYTES = 524_288;
const WRITE_COST_BYTES = 4_096;

/** Pages that are about to be overwritten in place, as they will be, and the transaction whose state they are of. */
type Journal = Readonly<{ transaction: number; pages: readonly Patch[] }>;

/** Notes pages before they are overwritten: a power cut in the middle may leave half of one. */
export async function writeJournal(path: string, journal: Journal): Promise<void> {
  const place = join(path, JOURNAL_FILE);
  const isNew = !existsSync(place);
  const file = await open(place, "w");
  try {
    await file.writeFile(seal(encode(journal)));
    await file.sync();
  } finally {
    await file.close();
  }
  if (isNew) await syncFolder(path);
}

/** What was noted is of no use any more. The file stays: a new one would have to wait for its folder to be on the disk. */
export function emptyJournal(path: string): void {
  const place = join(path, JOURNAL_FILE);
  if (existsSync(place)) truncateSync(place);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Ends the overwriting that a crash cut off; before LMDB opens the file. What was noted of another transaction's state than the
 * one in force is of no use any more: then pages were all written, and others may have come in their places.
 */
export function redoJournal(path: string): void {
  const file = join(path, JOURNAL_FILE);
  if (!existsSync(file)) return;
  const bytes = unseal(readFileSync(file));
  // One that is cut off was not complete when the overwriting would have begun.
  const journal = bytes === undefined ? undefined : (decode(bytes) as Journal);
  const data = join(path, DATA_FILE);
  const transaction = withFile(data, undefined as number | undefined, (pages) => {
    const metas = readMetas(pages);
    return metas === undefined ? undefined : metaInForce(metas).transaction;
  });
  if (journal !== undefined && journal.transaction === transaction) {
    const descriptor = openSync(data, "r+");
    try {
      for (const { position, bytes } of journal.pages)
        writeSync(descriptor, bytes, 0, bytes.length, position);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
  rmSync(file, { force: true });
}

/** Writes over what is in a file; resolves when it is on the disk. Hands the thread to others in between. */
export async function overwrite(file: FileHandle, patches: readonly Patch[]): Promise<void> {
  let written = 0;
  for (const { position, bytes } of patches) {
    // Most are small, and go to the kernel's memory sooner than another thread could be told of them.
    writeSync(file.fd, bytes, 0, bytes.length, position);
    written += bytes.length + WRITE_COST_BYTES;
    if (written < WRITTEN_BYTES) continue;
    written = 0;
    await turn();
  }
  if (patches.length > 0) await file.datasync();
}
