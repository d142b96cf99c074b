import fc from "fast-check";
import { expect, test } from "vitest";
import { RateLimiter } from "../../src/gateway/rate-limiter.ts";

const someRate = fc.record({
  perSecond: fc.double({ min: 0.1, max: 10_000, noNaN: true }),
  burst: fc.integer({ min: 1, max: 2_000 }),
});
/** Requests, each so long after the one before. */
const someRequests = fc.array(
  fc.record({ afterMs: fc.integer({ min: 0, max: 5_000 }), count: fc.integer({ min: 1, max: 2_000 }) }),
  { minLength: 1, maxLength: 60 },
);

test("a key takes its burst at once, then what the rate gives", () => {
  const limiter = new RateLimiter();
  const rate = { perSecond: 10, burst: 5 };
  expect(limiter.waitMs("shop", rate, 5, 0)).toBe(0);
  limiter.take("shop", rate, 5, 0);
  expect(limiter.waitMs("shop", rate, 1, 0)).toBe(100);
  expect(limiter.waitMs("shop", rate, 1, 100)).toBe(0);
  expect(limiter.waitMs("shop", rate, 5, 100)).toBe(400);
  expect(limiter.waitMs("another", rate, 5, 0)).toBe(0);
});

test("in any t seconds no more is taken than the burst and t seconds' rate", () => {
  const holds = (
    rate: { perSecond: number; burst: number },
    requests: { afterMs: number; count: number }[],
  ) => {
    const limiter = new RateLimiter();
    const taken: { atMs: number; count: number }[] = [];
    let nowMs = 0;
    for (const { afterMs, count } of requests) {
      nowMs += afterMs;
      const fits = Math.min(count, rate.burst);
      if (limiter.waitMs("shop", rate, fits, nowMs) > 0) continue;
      limiter.take("shop", rate, fits, nowMs);
      taken.push({ atMs: nowMs, count: fits });
    }
    for (let from = 0; from < taken.length; from++) {
      let sum = 0;
      for (let to = from; to < taken.length; to++) {
        sum += taken[to]!.count;
        const seconds = (taken[to]!.atMs - taken[from]!.atMs) / 1_000;
        const most = rate.burst + rate.perSecond * seconds;
        expect(sum).toBeLessThanOrEqual(most + 1e-6 * rate.perSecond + 1e-6);
      }
    }
  };
  fc.assert(fc.property(someRate, someRequests, holds));
});

test("whoever waits as long as told is let in, also with more than a burst", () => {
  const holds = (
    rate: { perSecond: number; burst: number },
    requests: { afterMs: number; count: number }[],
  ) => {
    const limiter = new RateLimiter();
    let nowMs = 0;
    for (const { afterMs, count } of requests) {
      nowMs += afterMs;
      nowMs += limiter.waitMs("shop", rate, count, nowMs);
      expect(limiter.waitMs("shop", rate, count, nowMs)).toBe(0);
      limiter.take("shop", rate, count, nowMs);
    }
  };
  fc.assert(fc.property(someRate, someRequests, holds));
});

test("what is over the burst is paid back before anything else comes", () => {
  const limiter = new RateLimiter();
  const rate = { perSecond: 10, burst: 5 };
  limiter.take("shop", rate, 25, 0);
  expect(limiter.waitMs("shop", rate, 1, 0)).toBe(2_100);
  expect(limiter.waitMs("shop", rate, 25, 0)).toBe(2_500);
});

test("of too many keys the one that was used longest ago is forgotten", () => {
  const limiter = new RateLimiter(2);
  const rate = { perSecond: 1, burst: 1 };
  for (const key of ["a", "b", "a", "c"]) limiter.take(key, rate, 1, 0);
  expect(limiter.size).toBe(2);
  expect(limiter.waitMs("a", rate, 1, 0)).toBeGreaterThan(0);
  expect(limiter.waitMs("b", rate, 1, 0)).toBe(0);
});
