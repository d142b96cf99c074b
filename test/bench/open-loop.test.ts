import { expect, test } from "vitest";
import { openLoop, type Timeline } from "../../bench/harness/open-loop.ts";

/** A clock that moves only when it is told to: timers fire in order, at their time. */
class VirtualTimeline implements Timeline {
  #nowMs = 0;
  readonly #timers: { atMs: number; call: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, call: () => void): void {
    this.#timers.push({ atMs: this.#nowMs + ms, call });
  }

  /** The machine stands still: no timer fires for so long. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  /** Runs timers until none is left. */
  run(): void {
    for (;;) {
      this.#timers.sort((a, b) => a.atMs - b.atMs);
      const next = this.#timers.shift();
      if (next === undefined) return;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.call();
    }
  }
}

/** Runs a loop at 1,000 a second for 100 ms. */
function run(timeline: VirtualTimeline, send: (index: number, done: (isGood: boolean) => void) => void) {
  const latencies: number[] = [];
  const late: number[] = [];
  const loop = openLoop(
    {
      perSecond: 1_000,
      durationMs: 100,
      send,
      answered: (ms) => latencies.push(ms),
      late: (ms) => late.push(ms),
    },
    timeline,
  );
  timeline.run();
  return { loop, latencies, late };
}

test("requests are sent at the times of the schedule, and the loop ends with the last answer", async () => {
  const timeline = new VirtualTimeline();
  const { loop, latencies, late } = run(timeline, (_, done) => timeline.after(3, () => done(true)));
  expect(await loop).toBe(100);
  expect(latencies).toEqual(Array.from({ length: 100 }, () => 3));
  expect(Math.max(...late)).toBe(0);
});

test("a slow answer holds up no later request", () => {
  const timeline = new VirtualTimeline();
  const sentMs: number[] = [];
  run(timeline, (_, done) => {
    sentMs.push(timeline.nowMs());
    timeline.after(50, () => done(true));
  });
  expect(sentMs.slice(0, 3)).toEqual([0, 1, 2]);
});

test("a stall counts for every request that was due meanwhile, from its own due time", () => {
  const timeline = new VirtualTimeline();
  const { latencies, late } = run(timeline, (index, done) => {
    if (index === 10) timeline.stall(40); // The one who answers and the generator stand still together.
    done(true);
  });
  expect(latencies[10]).toBe(40);
  expect(latencies.slice(11, 14)).toEqual([40, 39, 38]); // Due at 11, 12, 13; sent a tick after the stall, at 51.
  expect(latencies[60]).toBe(0);
  expect(late[11]).toBe(40);
});

test("no request is left out after a stall", async () => {
  const timeline = new VirtualTimeline();
  const { loop, latencies } = run(timeline, (index, done) => {
    if (index === 5) timeline.stall(500);
    done(true);
  });
  expect(await loop).toBe(100);
  expect(latencies).toHaveLength(100);
});

test("a loop of no length sends nothing", async () => {
  const nothing = { perSecond: 10, durationMs: 0, send: () => {}, answered: () => {}, late: () => {} };
  expect(await openLoop(nothing, new VirtualTimeline())).toBe(0);
});
