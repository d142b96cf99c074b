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

const PLACES = [
  ["a disk that is full", onSmallDisk, "only root may mount a small disk"],
  ["a limit on a file's size", underFileLimit, "there is no prlimit to lift the limit with"],
] as const;
const STORES = ["contexts", "profiles"] as const;

test.for(STORES.flatMap((kind) => PLACES.map((place) => [kind, ...place] as const)))(
  "a store of %s tells %s as DISK_FULL, and the same commit works once there is room",
  async ([kind, , place, why], { skip }) => {
    const tight = place();
    if (tight === undefined) return skip(why);
    const given = [process.execPath, CHILD, tight.path, kind];
    const child = spawn("sh", ["-c", `${tight.shell} "$0" "$@"`, ...given], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const exited = once(child, "exit");
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const next = async () => JSON.parse(String((await lines.next()).value)) as Record<string, unknown>;
      const held = (applied: number) => {
        const rows = { applied, rows: applied * 40 };
        return kind === "contexts" ? rows : { ...rows, sum: applied };
      };
      const secondOutput = kind === "contexts" ? 2 : null;

      const full = await next();
      const failed = Number(full["failed"]);
      expect(failed).toBeGreaterThan(2);
      expect(full).toMatchObject({
        code: "DISK_FULL, retryable",
        again: "DISK_FULL, retryable",
        held: held(failed - 1),
      });
      // What could not be removed for lack of room is not published again all the same.
      expect(full).toMatchObject({ removed: "done", output: secondOutput });

      tight.makeRoom(child.pid ?? 0);
      child.stdin.end("there is room\n");
      expect(await next()).toEqual({ retried: "done", held: held(failed + 1) });
      expect(await next()).toEqual({ reopened: held(failed + 2), output: secondOutput, unheard: [] });
      expect((await exited)[0]).toBe(0);
    } finally {
      child.kill("SIGKILL");
      await exited;
      tight.remove();
    }
  },
);
