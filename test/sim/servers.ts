import { createHash } from "node:crypto";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { memoryKeyValue } from "../../src/adapters/memory-key-value.ts";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import type { Random } from "../../src/kernel/random.ts";
import type { VirtualTime } from "./virtual-time.ts";

export const subjects = subjectsOf("sim");

/** An answer that a shard's owner gave. */
export type GivenAnswer = Readonly<{ shard: number; epoch: number; node: string; atMs: number }>;

/**
 * What NATS is in a simulation: log, table, blobs and bus, which all nodes reach over wires of their own, and a record
 * of what was seen from outside.
 */
export type Servers = ReturnType<typeof startServers>;

/** Servers without content. `dedupes`: whether the log drops repeated ids, as it does for two minutes in truth. */
export function startServers(time: VirtualTime, random: Random, dedupes: boolean) {
  const hash = createHash("sha256");
  const lines: string[] = [];
  const bus = memoryBus((afterMs, callback) => {
    let isCancelled = false;
    time.after(afterMs, () => {
      if (!isCancelled) callback();
    });
    return () => {
      isCancelled = true;
    };
  });
  return {
    time,
    random,
    bus,
    log: new MemoryLog(time, () => {}, dedupes ? {} : { duplicateWindowMs: 0 }),
    table: memoryKeyValue(),
    blobs: memoryBlobStore(),
    snapshots: memoryBlobStore(),
    answers: [] as GivenAnswer[],
    /** What is wrong, as seen while it ran. */
    findings: [] as string[],
    /** Notes what happened: the same seed notes the same. */
    trace(line: string): void {
      const stamped = `${time.monotonicMs().toFixed(3)} ${line}`;
      hash.update(stamped);
      lines.push(stamped);
    },
    lines,
    digest: (): string => hash.copy().digest("hex"),
  };
}
