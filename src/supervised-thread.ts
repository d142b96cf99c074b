import { setTimeout as sleep } from "node:timers/promises";
import type { MessagePort } from "node:worker_threads";
import { systemClock } from "./adapters/system-clock.ts";
import type { ThreadPool } from "./adapters/thread-pool.ts";
import { type EngineError, fromWireError, toWireError, type WireError } from "./kernel/engine-error.ts";
import { RestartIntensity } from "./supervisor/restart-intensity.ts";
import type { FromThread, ThreadEnd, ToThread } from "./thread-protocol.ts";

/** One thread under supervision: it is restarted when it fails, until it fails too often. */
export type SupervisedThread = Readonly<{
  /** Settles once the thread has started for the first time. */
  ready: Promise<void>;
  /** Settles, with the last error, when the restart intensity is exceeded. */
  escalated: Promise<EngineError>;
  /** How often it was restarted. */
  restarts(): number;
  stop(): Promise<void>;
}>;

/** OTP's default of 1 in 5 s is meant for cheap processes; a thread reopens LMDB and NATS, so it gets more. */
const INTENSITY = { restarts: 5, periodMs: 60_000 };

/** Starts an exported task of a pool's module and restarts it whenever it ends unasked (one-for-one). */
export function superviseThread(
  pool: ThreadPool,
  name: string,
  task: object,
  onRestart: (error: WireError, afterMs: number) => void,
): SupervisedThread {
  const intensity = new RestartIntensity(INTENSITY);
  let port: MessagePort | undefined;
  let stopping = false;
  let restarts = 0;
  let markReady: () => void = () => {};
  let escalate: (error: EngineError) => void = () => {};
  const ready = new Promise<void>((resolve) => {
    markReady = resolve;
  });
  const escalated = new Promise<EngineError>((resolve) => {
    escalate = resolve;
  });

  const runOnce = async (): Promise<ThreadEnd> => {
    const started = pool.start<object, ThreadEnd>(name, task);
    port = started.port;
    port.on("message", (message: FromThread) => {
      if (message.kind === "ready") markReady();
    });
    try {
      return await started.end;
    } catch (thrown) {
      return { kind: "failed", error: toWireError(thrown) }; // The thread itself died: out of memory, a crash.
    } finally {
      started.port.close();
    }
  };

  const supervise = async (): Promise<void> => {
    while (true) {
      const end = await runOnce();
      if (stopping) return;
      const error = end.kind === "failed" ? end.error : UNASKED;
      const verdict = intensity.failed(systemClock.monotonicMs());
      if (verdict.kind === "escalate") return escalate(fromWireError(error));
      restarts++;
      onRestart(error, verdict.afterMs);
      await sleep(verdict.afterMs);
      if (stopping) return;
    }
  };
  const ended = supervise();

  return {
    ready,
    escalated,
    restarts: () => restarts,
    async stop() {
      stopping = true;
      port?.postMessage({ kind: "stop" } satisfies ToThread);
      await ended;
    },
  };
}

const UNASKED: WireError = {
  code: "THREAD_ENDED",
  message: "the thread ended without being asked to",
  retryable: true,
};
