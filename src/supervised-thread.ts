import { setTimeout as sleep } from "node:timers/promises";
import type { MessagePort } from "node:worker_threads";
import { systemClock } from "./adapters/system-clock.ts";
import type { ThreadPool } from "./adapters/thread-pool.ts";
import { fromWireError, toWireError, type WireError } from "./kernel/engine-error.ts";
import { type RunningChild, startSupervisor } from "./supervisor/supervisor.ts";
import { ALIVE_MS, type FromThread, type ThreadEnd, type ToThread } from "./thread-protocol.ts";

/** One thread under supervision: it is restarted when it fails or hangs, until it does so too often. */
export type SupervisedThread = Readonly<{
  /** The port of the thread that runs now, once it is ready. */
  port(): Promise<MessagePort>;
  /** Ends a thread that is of no more use, so that another one is started. */
  replace(error: WireError): void;
  /** How often it was restarted. */
  restarts(): number;
  /** Since its last sign of life, also of the one before it, ms of time in which the process ran. */
  silentMs(): number;
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
const HANGS_AFTER_MS = 5_000;
/** Until its first sign of life a thread loads its code; ended too soon, it would only have to begin again. */
const STARTS_WITHIN_MS = 60_000;
/** A thread that does not stop in this time is terminated. */
const STOP_PATIENCE_MS = 15_000;

/** Starts an exported task of a pool's module and starts it again whenever it ends unasked (one-for-one). */
export function superviseThread(
  pool: ThreadPool,
  name: string,
  task: object,
  events: ThreadEvents,
  hangsAfterMs = HANGS_AFTER_MS,
): SupervisedThread {
  let ready = Promise.withResolvers<MessagePort>();
  ready.promise.catch(() => {}); // Whoever asks for the port is told.
  let replace: (error: WireError) => void = () => {};
  let looksSinceSign = 0;

  const start = async (): Promise<RunningChild> => {
    const abort = new AbortController();
    let replacedFor: WireError | undefined;
    replace = (error) => {
      replacedFor = error;
      abort.abort();
    };
    const started = pool.start<object, ThreadEnd>(name, task, abort.signal);
    // Looks are counted, not time: of a process that stood still for a while every thread would seem to hang.
    let silentLooks = 0;
    let patienceMs = Math.max(STARTS_WITHIN_MS, hangsAfterMs);
    started.port.on("message", (message: FromThread) => {
      silentLooks = 0;
      looksSinceSign = 0;
      patienceMs = hangsAfterMs;
      if (message.kind === "ready") ready.resolve(started.port);
      else if (message.kind !== "alive") events.message(message);
    });
    const watchdog = setInterval(() => {
      looksSinceSign++;
      if (++silentLooks * ALIVE_MS > patienceMs) replace(HANGS);
    }, ALIVE_MS);
    const run = async (): Promise<void> => {
      let error = UNASKED;
      try {
        const end = await started.end;
        if (end.kind === "failed") error = end.error;
      } catch (thrown) {
        error = replacedFor ?? toWireError(thrown); // It died: out of memory, a crash, or it was terminated.
      } finally {
        clearInterval(watchdog);
        started.port.close();
      }
      events.ended(error);
      ready.reject(fromWireError(error)); // Whoever waits for it tries again.
      ready = Promise.withResolvers<MessagePort>();
      ready.promise.catch(() => {});
      throw fromWireError(error);
    };
    const done = run();
    return {
      done,
      async stop() {
        started.port.postMessage({ kind: "stop" } satisfies ToThread);
        const timer = setTimeout(() => abort.abort(), STOP_PATIENCE_MS);
        await done.catch(() => {}); // That it ended is all that is asked for.
        clearTimeout(timer);
      },
    };
  };
  const supervising = startSupervisor(
    [{ name, start }],
    { strategy: "one-for-one", intensity: INTENSITY },
    {
      clock: systemClock,
      random: Math.random,
      sleep: (ms) => sleep(ms),
      restarting: (_, error, afterMs) => events.restarting(error, afterMs),
    },
  );
  let restarts = (): number => 0;
  void supervising.then((supervisor) => {
    restarts = () => supervisor.restarts();
    supervisor.done.catch((thrown: Error) => {
      ready.reject(thrown);
      events.escalated(thrown);
    });
  });
  return {
    port: () => ready.promise,
    replace: (error) => replace(error),
    restarts: () => restarts(),
    silentMs: () => looksSinceSign * ALIVE_MS,
    async stop() {
      await (await supervising).stop();
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
