import { stat } from "node:fs/promises";
import { toWireError } from "../kernel/engine-error.ts";

/** How often files are looked at: what is changed in them is in force no later than this. */
const LOOK_EVERY_MS = 2_000;

/** How files are read, and who is told. */
export type FileReading<Held> = Readonly<{
  read(): Promise<Held>;
  /** Is told what was read of files that have changed. */
  changed(held: Held): void;
  /** Is told the code of what came of it, if they can't be read: then what was read before stays in force. */
  kept(code: string): void;
}>;

/** What files hold, which are read again when they change. @throws What `read` throws the first time. */
export async function watchFiles<Held>(
  files: readonly string[],
  { read, changed, kept }: FileReading<Held>,
): Promise<Readonly<{ now(): Held; close(): void }>> {
  let stamp = await stampOf(files);
  let held = await read();
  const look = async (): Promise<void> => {
    const seen = await stampOf(files);
    if (seen === stamp) return;
    stamp = seen;
    held = await read();
    changed(held);
  };
  const timer = setInterval(() => {
    look().catch((thrown) => kept(toWireError(thrown).code));
  }, LOOK_EVERY_MS);
  timer.unref();
  return { now: () => held, close: () => clearInterval(timer) };
}

/** Tells one state of the files from another: of a file that a link leads to, that file's. */
async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = files.map(async (file) => {
    const found = await stat(file).catch(() => undefined);
    return found === undefined ? "none" : `${found.mtimeMs} ${found.ino} ${found.size}`;
  });
  return (await Promise.all(stamps)).join();
}
