import type { Clock } from "../kernel/clock.ts";

/** The machine's clocks. Wall-clock time may jump; monotonic time never does, and all threads have it in common. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs() {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1_000 + nanoseconds / 1e6;
  },
};
