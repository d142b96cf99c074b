import { expect, test } from "vitest";
import type { UnitCopy } from "../src/actors/unit-copy.ts";
import { identityCompressor } from "../src/adapters/identity-compressor.ts";
import { memoryBlobStore } from "../src/adapters/memory-blob-store.ts";
import { MemoryLog } from "../src/adapters/memory-log.ts";
import { EngineError } from "../src/kernel/engine-error.ts";
import { keepSnapshots, type SnapshotDuty } from "../src/snapshot-duty.ts";

const LEASE = { epoch: 1, session: 1, isHeld: () => true };

test.for([
  ["STORE_CORRUPT", "fails"],
  ["BLOBS_UNAVAILABLE", "goes on"],
] as const)("a copy whose snapshot ends with %s %s", async ([code, then]) => {
  const told = Promise.withResolvers<string>();
  const write = async () => {
    throw new EngineError({ code, message: "no snapshot", retryable: false });
  };
  const copy = keepSnapshots(aCopy(), aDuty({ write, report: told.resolve }));
  const done = copy.done.then(
    () => "goes on",
    (thrown) => (thrown instanceof EngineError && thrown.code === code ? "fails" : thrown),
  );
  await copy.own(LEASE);
  expect(await told.promise).toContain(code);
  await copy.stop();
  expect(await done).toBe(then);
});

function aCopy(): UnitCopy {
  const done = Promise.withResolvers<void>();
  const nothing = async (): Promise<void> => {};
  return {
    done: done.promise,
    own: nothing,
    drain: nothing,
    rest: nothing,
    lag: async () => 0,
    stop: async () => done.resolve(),
  };
}

function aDuty(given: Pick<SnapshotDuty, "write" | "report">): SnapshotDuty {
  let nowMs = 0;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  return {
    ports: {
      blobs: memoryBlobStore(),
      compressor: identityCompressor,
      pause: async () => {},
    },
    log: new MemoryLog(clock),
    clock,
    sleep: async (ms) => {
      nowMs += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
    unit: "shard-0",
    stream: "LOG",
    everyMs: 1_000,
    keepLogMs: Number.POSITIVE_INFINITY,
    ...given,
  };
}
