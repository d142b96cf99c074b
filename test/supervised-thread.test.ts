import { setImmediate as nextTurn } from "node:timers/promises";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ThreadPool } from "../src/adapters/thread-pool.ts";
import { superviseThread } from "../src/supervised-thread.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
afterEach(() => void vi.useRealTimers());

test("a thread that is silent for five seconds after a sign of life is ended", async () => {
  const { say, isEnded } = aThread();
  await say("alive");
  vi.advanceTimersByTime(5_000);
  expect(isEnded()).toBe(false);
  vi.advanceTimersByTime(1_000);
  expect(isEnded()).toBe(true);
});

test("a thread that loads its code is given a minute", async () => {
  const { isEnded } = aThread();
  vi.advanceTimersByTime(59_000);
  expect(isEnded()).toBe(false);
  vi.advanceTimersByTime(2_000);
  expect(isEnded()).toBe(true);
});

test("a thread is not blamed for a process that stood still", async () => {
  const { say, isEnded } = aThread();
  await say("alive");
  const monotonicMs = performance.now();
  const clock = vi.spyOn(performance, "now").mockReturnValue(monotonicMs + 3_600_000);
  vi.advanceTimersByTime(1_000);
  clock.mockRestore();
  expect(isEnded()).toBe(false);
});

/** A thread under supervision that is no more than a port. */
function aThread() {
  let signal: AbortSignal | undefined;
  let thread: MessagePort | undefined;
  const pool: ThreadPool = {
    start(_name, _task, given) {
      const { port1, port2 } = new MessageChannel();
      signal = given;
      thread = port2;
      return { port: port1, end: new Promise(() => {}) };
    },
    run: () => Promise.reject(new Error("not used")),
    close: async () => undefined,
  };
  const ignore = (): void => undefined;
  superviseThread(
    pool,
    "task",
    {},
    { message: ignore, ended: ignore, restarting: ignore, escalated: ignore },
  );
  return {
    async say(kind: string): Promise<void> {
      thread?.postMessage({ kind });
      for (let turn = 0; turn < 10; turn++) await nextTurn();
    },
    isEnded: () => signal?.aborted === true,
  };
}
