import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const CHILD = fileURLToPath(new URL("./full-disk-child.ts", import.meta.url));
const MIB = 1024 * 1024;

/** A place with little room, and a way to make more. */
type Tight = Readonly<{ path: string; shell: string; makeRoom(pid: number): void; remove(): void }>;

function onSmallDisk(): Tight | undefined {
  const folder = mkdtempSync(join(tmpdir(), "resonance-full-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", folder]).status === 0;
  if (!mounted) {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  const ballast = join(folder, "ballast");
  writeFileSync(ballast, new Uint8Array(3 * MIB));
  return {
    path: join(folder, "store"),
    shell: "exec",
    makeRoom: () => rmSync(ballast),
    remove() {
      spawnSync("umount", [folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function underFileLimit(): Tight | undefined {
  if (spawnSync("prlimit", ["--version"]).status !== 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "resonance-full-"));
  return {
    path: join(folder, "store"),
    shell: "ulimit -Sf 3000; exec", // Blocks of 512 bytes.
    makeRoom: (pid) => void spawnSync("prlimit", ["--pid", String(pid), "--fsize=unlimited"]),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

test.for([
  ["a disk that is full", onSmallDisk, "only root may mount a small disk"],
  ["a limit on a file's size", underFileLimit, "there is no prlimit to lift the limit with"],
] as const)(
  "%s is told as DISK_FULL, and the same commit works once there is room",
  async ([, place, why], { skip }) => {
    const tight = place();
    if (tight === undefined) return skip(why);
    const child = spawn("sh", ["-c", `${tight.shell} "$0" "$@"`, process.execPath, CHILD, tight.path], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const exited = once(child, "exit");
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const next = async () => JSON.parse(String((await lines.next()).value)) as Record<string, unknown>;

      const full = await next();
      const failed = Number(full["failed"]);
      const before = { applied: failed - 1, users: (failed - 1) * 40, read: (failed - 1) * 40 };
      expect(failed).toBeGreaterThan(2);
      expect(full).toMatchObject({
        code: "DISK_FULL, retryable",
        again: "DISK_FULL, retryable",
        held: before,
      });
      // What could not be removed for lack of room is not published again all the same.
      expect(full).toMatchObject({ removed: "done", outbox: 2 });

      tight.makeRoom(child.pid ?? 0);
      child.stdin.end("there is room\n");
      const users = (commits: number) => ({ applied: commits, users: commits * 40, read: commits * 40 });
      expect(await next()).toEqual({ retried: "done", held: users(failed + 1) });
      expect(await next()).toEqual({ reopened: users(failed + 2), outbox: 2, unheard: [] });
      expect((await exited)[0]).toBe(0);
    } finally {
      child.kill("SIGKILL");
      await exited;
      tight.remove();
    }
  },
);
