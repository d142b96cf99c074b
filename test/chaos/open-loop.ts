import { setTimeout as sleep } from "node:timers/promises";
import { Latencies } from "../../src/cli/latencies.ts";
import { toWireError } from "../../src/kernel/engine-error.ts";

/** Requests at the times of a schedule, whether earlier ones are answered or not. */
export type OpenLoop = Readonly<{
  /** Requests sent, and those that failed by code. */
  requests(): number;
  failures: ReadonlyMap<string, number>;
  /** From the time at which a request was due until it was answered: a stall counts for all that it held up. */
  latencies(): Latencies;
  worstMs(): number;
  /** Forgets the latencies so far. */
  restartClock(): void;
  /** Sends no more, and resolves once everything is answered. */
  stop(): Promise<void>;
}>;

const TICK_MS = 2;

/** Starts to send `perSecond` requests. One that throws has failed; nothing is tried again. */
export function startOpenLoop(perSecond: number, send: () => Promise<unknown>): OpenLoop {
  const failures = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  let latencies = new Latencies();
  let worstMs = 0;
  let sent = 0;
  let isRunning = true;
  const beganMs = performance.now();

  const request = async (dueMs: number): Promise<void> => {
    const into = latencies;
    try {
      await send();
    } catch (thrown) {
      const { code } = toWireError(thrown);
      failures.set(code, (failures.get(code) ?? 0) + 1);
    }
    const ms = performance.now() - dueMs;
    into.record(ms);
    if (into === latencies) worstMs = Math.max(worstMs, ms);
  };
  const loop = (async () => {
    while (isRunning) {
      for (let dueMs = beganMs; ; sent++) {
        dueMs = beganMs + (sent * 1_000) / perSecond;
        if (dueMs > performance.now()) break;
        const one = request(dueMs);
        underWay.add(one);
        void one.finally(() => underWay.delete(one));
      }
      await sleep(TICK_MS);
    }
  })();
  return {
    requests: () => sent,
    failures,
    latencies: () => latencies,
    worstMs: () => worstMs,
    restartClock() {
      latencies = new Latencies();
      worstMs = 0;
    },
    async stop() {
      isRunning = false;
      await loop;
      await Promise.all(underWay);
    },
  };
}
