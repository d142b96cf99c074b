import { readFile } from "node:fs/promises";
import { EngineError } from "../kernel/engine-error.ts";

/** The variable that a backup's passphrase may be in. */
const VARIABLE = "RESONANCE_BACKUP_PASSPHRASE";

/**
 * The passphrase of a backup, from its file or the environment; undefined if there is none. A line feed at its end is the editor's.
 *
 * @throws EngineError `PASSPHRASE_UNREADABLE`.
 */
export async function passphraseOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return process.env[VARIABLE] || undefined;
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    const message = `the file of the passphrase, ${file}, can't be read`;
    throw new EngineError({ code: "PASSPHRASE_UNREADABLE", message, retryable: false, cause });
  });
  const passphrase = text.replace(/\r?\n$/, "");
  if (passphrase !== "") return passphrase;
  const message = `the file of the passphrase, ${file}, is empty`;
  throw new EngineError({ code: "PASSPHRASE_UNREADABLE", message, retryable: false });
}
