import type { SessionDeadline } from "../supervisor/session.ts";

/** Microseconds, so that a whole number holds the time. */
const MICROS = 1_000;
const BYTES = 16;

/**
 * A {@link SessionDeadline} in memory that all threads of a process share. The times are of
 * {@link import("./system-clock.ts").systemClock}, whose monotonic time all threads have in common.
 *
 * @param memory - Of another thread's deadline, to read it here.
 */
export function sharedDeadline(
  memory: SharedArrayBuffer = new SharedArrayBuffer(BYTES),
): SessionDeadline & { readonly memory: SharedArrayBuffer } {
  const [session, untilMicros] = [new BigInt64Array(memory, 0, 1), new BigInt64Array(memory, 8, 1)];
  return {
    memory,
    begin() {
      Atomics.store(untilMicros, 0, 0n);
      return Number(Atomics.add(session, 0, 1n)) + 1;
    },
    extend(of, untilMs) {
      if (Number(Atomics.load(session, 0)) === of)
        Atomics.store(untilMicros, 0, BigInt(Math.floor(untilMs * MICROS)));
    },
    isHeld(of, nowMs) {
      const until = Number(Atomics.load(untilMicros, 0));
      return nowMs * MICROS < until && Number(Atomics.load(session, 0)) === of;
    },
  };
}
