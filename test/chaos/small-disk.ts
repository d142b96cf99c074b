import { execFile } from "node:child_process";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const CHUNK_BYTES = 1 << 20;
const BALLAST = "ballast";

/** A file system of its own in memory, which can be filled to the last byte. */
export type SmallDisk = Readonly<{
  folder: string;
  /** Takes all the room that is left. */
  fill(): Promise<void>;
  /** Gives it back. */
  free(): Promise<void>;
  close(): Promise<void>;
}>;

/** Mounts a disk of a size. @returns The reason, if this process may not. */
export async function mountSmallDisk(folder: string, sizeBytes: number): Promise<SmallDisk | string> {
  await mkdir(folder, { recursive: true });
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", folder]);
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message.trim() : String(thrown);
  }
  const ballast = join(folder, BALLAST);
  return {
    folder,
    async fill() {
      const file = await open(ballast, "w");
      try {
        // Ever smaller pieces, until not one byte is left.
        for (let size = CHUNK_BYTES; size >= 1; ) {
          try {
            await file.write(Buffer.alloc(size));
          } catch (thrown) {
            if ((thrown as NodeJS.ErrnoException).code !== "ENOSPC") throw thrown;
            size = Math.floor(size / 16);
          }
        }
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast, { force: true }),
    async close() {
      await run("umount", ["-l", folder]);
    },
  };
}
