import { expect, test } from "vitest";
import type { TraitValue } from "../../src/events/event.ts";
import { passes } from "../../src/resonance/condition.ts";
import { segmentOf } from "../../src/resonance/membership.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";

const traits = (given: Record<string, TraitValue>) => new Map(Object.entries(given));
const map: SegmentMap = {
  name: "life",
  mode: "exclusive",
  segments: [
    { name: "new" },
    { name: "loyal", rule: { trait: "orders", range: { min: 5 } } },
    { name: "any", rule: { trait: "orders", exists: true } },
  ],
  window: { bucketMs: 1_000, buckets: 1 },
  threshold: { enter: 0.5, minEvidence: 1 },
};

test("a label comes before every rule", () => {
  expect(segmentOf(map, "new", traits({ orders: 9 }))).toBe("new");
});

test("the first rule that passes decides where there is no label, or one of no segment here", () => {
  expect(segmentOf(map, undefined, traits({ orders: 5 }))).toBe("loyal");
  expect(segmentOf(map, "elsewhere", traits({ orders: 1 }))).toBe("any");
});

test("null takes the user out, whatever the rules say", () => {
  expect(segmentOf(map, null, traits({ orders: 9 }))).toBeUndefined();
});

test("nobody is a member by nothing", () => {
  expect(segmentOf(map, undefined, traits({}))).toBeUndefined();
});

test("conditions compare values and types, and a missing trait passes none but its absence", () => {
  const held = traits({ plan: "pro", age: 30, active: true });
  expect(passes({ trait: "plan", equals: "pro" }, held)).toBe(true);
  expect(passes({ trait: "age", equals: "30" }, held)).toBe(false);
  expect(passes({ trait: "plan", in: ["free", "pro"] }, held)).toBe(true);
  expect(passes({ trait: "age", range: { min: 30, max: 30 } }, held)).toBe(true);
  expect(passes({ trait: "plan", range: { min: 0 } }, held)).toBe(false);
  expect(passes({ trait: "missing", range: {} }, held)).toBe(false);
  expect(passes({ trait: "missing", exists: false }, held)).toBe(true);
  expect(passes({ not: { trait: "missing", equals: 1 } }, held)).toBe(true);
  expect(
    passes({ or: [{ trait: "age", equals: 1 }, { and: [{ trait: "active", equals: true }] }] }, held),
  ).toBe(true);
});
