import type { Clock } from "../kernel/clock.ts";

/** The machine's clocks. Wall-clock time may jump; monotonic time never does. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
