import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";
import type { Machine } from "./bench-result.ts";

/** The machine that this process runs on. */
export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${platform()} ${release()} ${arch()}`,
    load1Minute: loadavg()[0] ?? 0,
  };
}
