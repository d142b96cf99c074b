import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { type KeptKey, KeyRing } from "../gateway/http/key-ring.ts";
import { parseKeys } from "../gateway/http/parse-keys.ts";
import { EngineError } from "../kernel/engine-error.ts";
import type { Report } from "../kernel/report.ts";
import { watchFiles } from "./watch-files.ts";

/** Only its owner reads it. Keys can't be told from their hashes, but nobody else needs these. */
const FILE_MODE = 0o600;

/** Keys that follow their file. */
export type WatchedKeys = Readonly<{ now(): KeyRing; close(): void }>;

/** The keys in a file; none if there is no file. @throws EngineError `BAD_KEYS_FILE`. */
export async function readKeysFile(file: string): Promise<readonly KeptKey[]> {
  return existsSync(file) ? parseKeys(await readFile(file, "utf8"), file) : [];
}

/** Writes keys, whole or not at all: a node may read the file at any moment. */
export async function writeKeysFile(file: string, keys: readonly KeptKey[]): Promise<void> {
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, `${JSON.stringify({ keys }, undefined, 2)}\n`, { mode: FILE_MODE });
  await rename(unfinished, file);
}

/**
 * The keys of the environment and of a file, which is read again when it changes. One that can't be read leaves the keys
 * in force that were.
 *
 * @param mayBeNone - Whether there is something to serve without a key, too.
 * @throws EngineError `NO_HTTP_KEYS`, `BAD_KEYS_FILE`.
 */
export async function watchKeys(file: string, report: Report, mayBeNone = false): Promise<WatchedKeys> {
  // For whoever has no file to give: what the file would hold.
  const text = process.env["RESONANCE_HTTP_KEYS"] ?? "";
  const given = text === "" ? [] : parseKeys(text, "the environment");
  const watched = await watchFiles([file], {
    read: async () => new KeyRing([...given, ...(await readKeysFile(file))]),
    changed: ({ size }) => report(`HTTP keys read again: ${size} are in force`, { event: "http.keys-read" }),
    kept: (code) =>
      report(`HTTP keys stay as they were: ${code}`, { event: "http.keys-kept", level: "warn", code }),
  });
  if (watched.now().size > 0 || mayBeNone) return watched;
  watched.close();
  throw noKeys(file);
}

function noKeys(file: string): EngineError<"NO_HTTP_KEYS"> {
  const message = `nobody could use HTTP: there are no keys in ${file}. Make one: resonance auth key new --role producer --name NAME --keys ${file}`;
  return new EngineError({ code: "NO_HTTP_KEYS", message, retryable: false });
}
