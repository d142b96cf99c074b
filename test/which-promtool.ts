import { spawnSync } from "node:child_process";

/** Whether Prometheus' own checker is there: Debian's package `prometheus` has it. */
export const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

/** Runs it. @returns What it says, and whether it is content. */
export function promtool(args: readonly string[], input = ""): Readonly<{ ok: boolean; said: string }> {
  const { status, stdout, stderr } = spawnSync("promtool", args, { input, encoding: "utf8" });
  return { ok: status === 0, said: stdout + stderr };
}
