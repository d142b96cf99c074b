import fc from "fast-check";
import { expect, test } from "vitest";
import { Admission } from "../../src/gateway/admission.ts";

test("a log takes more until its shard is further behind than it may be, and again once half of that is folded", () => {
  const shard = new Admission(100);
  shard.told({ applied: 0, lag: 0 }, 0);
  shard.appended(100);
  expect(shard.isRefusing).toBe(false);
  shard.appended(101);
  expect(shard.isRefusing).toBe(true);
  shard.told({ applied: 50, lag: 51 }, 1_000);
  expect(shard.isRefusing).toBe(true);
  shard.told({ applied: 51, lag: 50 }, 2_000);
  expect(shard.isRefusing).toBe(false);
  shard.appended(151);
  expect(shard.isRefusing).toBe(false);
});

test("a log that was too long before this gateway wrote anything is known by what its shard tells", () => {
  const shard = new Admission(100);
  shard.told({ applied: 5, lag: 101 }, 0);
  expect(shard.lag).toBe(101);
  expect(shard.isRefusing).toBe(true);
});

test("before a shard has told anything, nothing is held against it", () => {
  const shard = new Admission(100);
  shard.appended(1_000_000);
  expect(shard.retryAfterMs).toBe(0);
});

test("senders are asked to wait for as long as it will take at the present pace, 1 to 30 seconds", () => {
  const shard = new Admission(100);
  shard.told({ applied: 0, lag: 650 }, 0);
  expect(shard.retryAfterMs).toBe(30_000); // Nobody knows its pace yet.
  shard.told({ applied: 100, lag: 550 }, 1_000);
  expect(shard.retryAfterMs).toBe(5_000);
  shard.told({ applied: 590, lag: 60 }, 2_000);
  expect(shard.retryAfterMs).toBe(1_000);
  shard.told({ applied: 590, lag: 60 }, 3_000);
  expect(shard.retryAfterMs).toBe(30_000); // It stands still.
});

test("whatever happens: it refuses beyond the bound, takes below half of it, and keeps its mind in between", () => {
  const step = fc.oneof(
    fc.record({ append: fc.integer({ min: 1, max: 80 }) }),
    fc.record({ fold: fc.integer({ min: 0, max: 200 }) }),
  );
  const holds = (steps: readonly ({ append: number } | { fold: number })[]) => {
    const shard = new Admission(100);
    let [last, applied, nowMs] = [0, 0, 0];
    shard.told({ applied, lag: 0 }, nowMs);
    for (const one of steps) {
      const was = shard.isRefusing;
      if ("append" in one) {
        last += one.append;
        shard.appended(last);
      } else {
        nowMs += 1_000;
        applied = Math.min(last, applied + one.fold);
        shard.told({ applied, lag: last - applied }, nowMs);
      }
      const lag = last - applied;
      expect(shard.lag).toBe(lag);
      expect(shard.isRefusing).toBe(lag > 100 || (lag > 50 && was));
      expect(shard.retryAfterMs > 0).toBe(shard.isRefusing);
    }
  };
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), holds));
});
