/** Clock and timer of a scheduler: the machine's, or a test's. */
export type Timeline = Readonly<{
  nowMs(): number;
  /** Calls back after about so long. */
  after(ms: number, call: () => void): void;
}>;

export const MACHINE_TIMELINE: Timeline = {
  nowMs: () => performance.now(),
  after: (ms, call) => void setTimeout(call, ms),
};

/** What an open loop is told, and what it calls. */
export type OpenLoopOptions = Readonly<{
  perSecond: number;
  /** How long requests are due; those under way are waited for after that. */
  durationMs: number;
  /** Sends request `index`; calls `done` exactly once, when it is answered in order or has failed. */
  send(index: number, done: (isGood: boolean) => void): void;
  /** Told of each end: the time since it was due, and whether it was an answer. */
  answered(latencyMs: number, isGood: boolean): void;
  /** Told how long after its due time a request was sent: the generator's own part of a latency. */
  late(ms: number): void;
}>;

/** A generator wakes up this often; what is due by then is sent at once. */
const TICK_MS = 1;

/**
 * Sends requests at the times of a schedule, whether earlier ones are answered or not, and measures each from the time
 * at which it was due: a stall counts for all that it held up.
 *
 * @returns Requests sent, once all are answered.
 */
export function openLoop(options: OpenLoopOptions, timeline: Timeline = MACHINE_TIMELINE): Promise<number> {
  const { perSecond, durationMs, send, answered, late } = options;
  const beganMs = timeline.nowMs();
  const total = Math.floor((perSecond * durationMs) / 1_000);
  let sent = 0;
  let done = 0;
  return new Promise((resolve) => {
    const end = (): void => {
      if (done === total) resolve(total);
    };
    const one = (index: number, dueMs: number): void => {
      send(index, (isGood) => {
        answered(timeline.nowMs() - dueMs, isGood);
        done++;
        end();
      });
    };
    const tick = (): void => {
      for (const nowMs = timeline.nowMs(); sent < total; sent++) {
        const dueMs = beganMs + (sent * 1_000) / perSecond;
        if (dueMs > nowMs) break;
        late(nowMs - dueMs);
        one(sent, dueMs);
      }
      if (sent < total) timeline.after(TICK_MS, tick);
    };
    if (total === 0) resolve(0);
    else tick();
  });
}
