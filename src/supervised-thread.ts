import { setTimeout as sleep } from "node:timers/promises";
import type { MessagePort } from "node:worker_threads";
import { systemClock } from "./adapters/system-clock.ts";
import type { ThreadPool } from "./adapters/thread-pool.ts";
import { fromWireError, toWireError, type WireError } from "./kernel/engine-error.ts";
import { RestartIntensity } from "./supervisor/restart-intensity.ts";
import { ALIVE_MS, type FromThread, type ThreadEnd, type ToThread } from "./thread-protocol.ts";

/** One thread under supervision: it is restarted when it fails or hangs, until it does so too often. */
export type SupervisedThread = Readonly<{
  /** The port of the thread that runs now, once it is ready. */
  port(): Promise<MessagePort>;
  /** Ends a thread that is of no more use, so that another one is started. */
  replace(error: WireError): void;
  /** How often it was restarted. */
  restarts(): number;
  stop(): Promise<void>;
}>;

/** What a thread's owner is told of. */
export type ThreadEvents = Readonly<{
  message(message: FromThread): void;
  /** The thread has ended: what it held is gone. */
  ended(error: WireError): void;
  restarting(error: WireError, afterMs: number): void;
  /** It failed too often: it is given up. */
  escalated(error: Error): void;
}>;

/** OTP's default of 1 in 5 s is meant for cheap processes; a thread reopens LMDB and NATS, so it gets more. */
const INTENSITY = { restarts: 5, periodMs: 60_000 };
/** A long batch may keep a thread busy, but not so long. */
const HANGS_AFTER_MS = 10_000;
/** A thread that does not stop in this time is terminated. */
const STOP_PATIENCE_MS = 15_000;

/** Starts an exported task of a pool's module and restarts it whenever it ends unasked (one-for-one). */
export function superviseThread(
  pool: ThreadPool,
  name: string,
  task: object,
  events: ThreadEvents,
  hangsAfterMs = HANGS_AFTER_MS,
): SupervisedThread {
  const intensity = new RestartIntensity(INTENSITY, Math.random);
  let stopping = false;
  let restarts = 0;
  let ready = Promise.withResolvers<MessagePort>();
  ready.promise.catch(() => {}); // Whoever asks for the port is told.
  let port: MessagePort | undefined;
  let abort = new AbortController();
  let replacedFor: WireError | undefined;

  const runOnce = async (): Promise<ThreadEnd> => {
    abort = new AbortController();
    replacedFor = undefined;
    const started = pool.start<object, ThreadEnd>(name, task, abort.signal);
    port = started.port;
    let aliveMs = systemClock.monotonicMs();
    port.on("message", (message: FromThread) => {
      aliveMs = systemClock.monotonicMs();
      if (message.kind === "ready") ready.resolve(started.port);
      else if (message.kind !== "alive") events.message(message);
    });
    const watchdog = setInterval(() => {
      if (systemClock.monotonicMs() - aliveMs <= hangsAfterMs) return;
      replacedFor = HANGS;
      abort.abort();
    }, ALIVE_MS);
    try {
      return await started.end;
    } catch (thrown) {
      // The thread itself died: out of memory, a crash, or it was terminated.
      return { kind: "failed", error: replacedFor ?? toWireError(thrown) };
    } finally {
      clearInterval(watchdog);
      started.port.close();
    }
  };

  const supervise = async (): Promise<void> => {
    while (true) {
      const end = await runOnce();
      const error = end.kind === "failed" ? end.error : UNASKED;
      events.ended(error);
      ready.reject(fromWireError(error)); // Whoever waits for it tries again.
      if (stopping) return;
      ready = Promise.withResolvers<MessagePort>();
      ready.promise.catch(() => {});
      const verdict = intensity.failed(systemClock.monotonicMs());
      if (verdict.kind === "escalate") {
        ready.reject(fromWireError(error));
        return events.escalated(fromWireError(error));
      }
      restarts++;
      events.restarting(error, verdict.afterMs);
      await sleep(verdict.afterMs);
      if (stopping) return;
    }
  };
  const ended = supervise();

  return {
    port: () => ready.promise,
    replace(error) {
      replacedFor = error;
      abort.abort();
    },
    restarts: () => restarts,
    async stop() {
      stopping = true;
      port?.postMessage({ kind: "stop" } satisfies ToThread);
      const timer = setTimeout(() => abort.abort(), STOP_PATIENCE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

const UNASKED: WireError = {
  code: "THREAD_ENDED",
  message: "the thread ended without being asked to",
  retryable: true,
};
const HANGS: WireError = {
  code: "THREAD_HANGS",
  message: "the thread gave no sign of life for too long",
  retryable: true,
};
