import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";

const CHUNK_BYTES = 1024 * 1024;

/**
 * Looks for words in every file below a folder, as the bytes of their UTF-8.
 *
 * @returns Words found, with the file and place where each was found first.
 */
export function findBytes(folder: string, words: readonly string[]): Map<string, string> {
  const needles = new Map(words.map((word) => [word, Buffer.from(word)]));
  const found = new Map<string, string>();
  for (const file of filesBelow(folder)) unlessGone(() => findInFile(file, needles, found), undefined);
  return found;
}

function filesBelow(folder: string): string[] {
  const entries = unlessGone(() => readdirSync(folder, { withFileTypes: true }), []);
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

/** A running server makes and removes files all the time: one that is gone holds nothing. */
function unlessGone<Result>(act: () => Result, gone: Result): Result {
  try {
    return act();
  } catch (thrown) {
    if ((thrown as { readonly code?: unknown }).code === "ENOENT") return gone;
    throw thrown;
  }
}

function findInFile(file: string, needles: Map<string, Buffer>, found: Map<string, string>): void {
  const overlap = Math.max(...[...needles.values()].map(({ length }) => length)) - 1;
  const buffer = Buffer.alloc(CHUNK_BYTES + overlap);
  const descriptor = openSync(file, "r");
  try {
    let held = 0;
    for (let position = 0; ; ) {
      const read = readSync(descriptor, buffer, held, CHUNK_BYTES, position);
      if (read === 0) return;
      const filled = buffer.subarray(0, held + read);
      for (const [word, needle] of needles) {
        const at = filled.indexOf(needle);
        if (at >= 0 && !found.has(word)) found.set(word, `${file}:${position - held + at}`);
      }
      position += read;
      const kept = Math.min(overlap, filled.length);
      buffer.copyWithin(0, filled.length - kept, filled.length);
      held = kept;
    }
  } finally {
    closeSync(descriptor);
  }
}
