import fc from "fast-check";
import { expect, test } from "vitest";
import { partners } from "../../src/features/partners.ts";
import { hash32 } from "../../src/kernel/hash.ts";
import { aFeatureEvent, DAY_MS, readAfter, START_MS } from "./some-events.ts";

const to = (peer: number, day = 0) => aFeatureEvent({ peerHash: peer, tsMs: START_MS + day * DAY_MS });
const from = (peer: number) => aFeatureEvent({ peerHash: peer, inbound: true });

test("reciprocity is what went both ways by what went either way", () => {
  const reading = readAfter(partners, [to(1), to(1), to(1), from(1), to(2), from(3), from(3)]);
  expect(reading["reciprocity"]).toBeCloseTo((1 + 0 + 0) / (3 + 1 + 2), 9);
  expect(reading["heaviest_share"]).toBeCloseTo(4 / 7, 9);
  expect(reading["outbound_share"]).toBeCloseTo(4 / 7, 9);
});

test("a partner not met for long weighs little, but stays known", () => {
  const reading = readAfter(partners, [to(1), to(2, 140)]);
  expect(reading["heaviest_share"]).toBeGreaterThan(0.999);
  expect(reading["distinct"]).toBeCloseTo(Math.log1p(2), 9);
});

test("up to 32 partners are counted exactly, however often they come", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 32 }), fc.integer({ min: 1, max: 3 }), (count, times) => {
      const events = Array.from({ length: count * times }, (_, i) => to(hash32(`${i % count}`)));
      expect(Math.expm1(readAfter(partners, events)["distinct"] ?? 0)).toBeCloseTo(count, 9);
    }),
  );
});

test.for([33, 100, 1_000, 10_000])("%i partners are counted within 20 percent", (count) => {
  const events = Array.from({ length: count }, (_, i) => to(hash32(`partner ${i}`)));
  const distinct = Math.expm1(readAfter(partners, events)["distinct"] ?? 0);
  expect(Math.abs(distinct / count - 1)).toBeLessThan(0.2);
});

test("who met nobody is not known", () => {
  expect(readAfter(partners, [to(0)])["known"]).toBe(0);
});

test("all 32 partners fade alike, in both directions", () => {
  const again = { ...from(1), tsMs: START_MS + 14 * DAY_MS };
  const reading = readAfter(partners, [...Array.from({ length: 32 }, (_, i) => from(1 + i)), again]);
  expect(reading["heaviest_share"]).toBeCloseTo(1.5 / 17, 9);
});
