import { type ChildProcess, spawn } from "node:child_process";

/** Ends and removes what a run has started, however the run itself ends: also by SIGKILL. */
export type ProcessGuard = Readonly<{
  /** A process that is to end with this one. */
  add(pid: number): void;
  remove(pid: number): void;
  /** Kills what is left and removes the folders. */
  close(): Promise<void>;
}>;

/**
 * Waits for the end of its input, which comes however its parent ends; then it kills the processes that the last
 * line named, unmounts what is mounted inside the folder, and removes it.
 */
const GUARD = `pids=; while read -r line; do pids=$line; done
for pid in $pids; do kill -CONT $pid 2>/dev/null; kill -9 $pid 2>/dev/null; done
grep -o " $1/[^ ]* " /proc/mounts 2>/dev/null | while read -r mounted; do umount -l "$mounted"; done
for tries in 1 2 3 4 5; do rm -rf "$1" 2>/dev/null && break; sleep 0.2; done`;

/** Starts a guard over a folder of the run's own. */
export function startProcessGuard(folder: string): ProcessGuard {
  // In a session of its own, so that Ctrl-C does not end it before it has done its work.
  const guard: ChildProcess = spawn("sh", ["-c", GUARD, "guard", folder], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  guard.unref();
  guard.stdin?.on("error", () => {}); // It was killed: then nobody can be told.
  const pids = new Set<number>();
  const tell = (): void => void guard.stdin?.write(`${[...pids].join(" ")}\n`);
  return {
    add(pid) {
      pids.add(pid);
      tell();
    },
    remove(pid) {
      pids.delete(pid);
      tell();
    },
    async close() {
      const ended = new Promise<void>((resolve) => {
        if (guard.exitCode !== null) resolve();
        guard.once("exit", () => resolve());
      });
      guard.ref();
      guard.stdin?.end();
      await ended;
    },
  };
}
