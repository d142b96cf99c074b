import fc from "fast-check";
import { expect, test } from "vitest";
import type { Content } from "../../src/content/catalogue.ts";
import {
  type Asker,
  type CapCount,
  countImpression,
  eligibleInto,
  isUnderCap,
} from "../../src/content/eligibility.ts";

const content = (given: Partial<Content>): Content => ({ id: "a", placements: ["hero"], ...given });
const asker = (given: Partial<Asker>): Asker => ({
  traits: new Map(),
  atMs: 0,
  capCounts: new Map(),
  ...given,
});
const eligible = (contents: readonly Content[], who: Partial<Asker>): number[] => {
  const out = new Uint16Array(contents.length);
  return [...out.subarray(0, eligibleInto(contents, asker(who), out))];
};

test("contents without conditions are for everybody, in their order", () => {
  expect(eligible([content({ id: "a" }), content({ id: "b" })], {})).toEqual([0, 1]);
});

test("a condition is one on the user's traits", () => {
  const contents = [content({ eligible: { trait: "plan", equals: "pro" } }), content({ id: "b" })];
  expect(eligible(contents, {})).toEqual([1]);
  expect(eligible(contents, { traits: new Map([["plan", "pro"]]) })).toEqual([0, 1]);
});

test("a schedule begins with its first millisecond and ends before its last", () => {
  const contents = [content({ fromMs: 10, untilMs: 20 })];
  expect([9, 10, 19, 20].map((atMs) => eligible(contents, { atMs }).length)).toEqual([0, 1, 1, 0]);
});

test("a cap holds for its time from the first impression on, and for the content alone", () => {
  const cap = { impressions: 2, perMs: 100 };
  const contents = [content({ cap }), content({ id: "b", cap })];
  const seen = countImpression(cap, countImpression(cap, undefined, 10), 60);
  const capCounts = new Map([["a", seen]]);
  expect(eligible(contents, { atMs: 109, capCounts })).toEqual([1]);
  expect(eligible(contents, { atMs: 110, capCounts })).toEqual([0, 1]);
});

test("who is shown only what is under its cap never sees more than the cap in its time", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 60 });
  const holds = (steps: number[], impressions: number): void => {
    const cap = { impressions, perMs: 100 };
    let count: CapCount | undefined;
    let atMs = 0;
    const byTime = new Map<number, number>();
    for (const gap of steps) {
      atMs += gap;
      if (!isUnderCap(cap, count, atMs)) continue;
      count = countImpression(cap, count, atMs);
      byTime.set(count.openedMs, (byTime.get(count.openedMs) ?? 0) + 1);
    }
    for (const shown of byTime.values()) expect(shown).toBeLessThanOrEqual(impressions);
    const begins = [...byTime.keys()];
    for (const [i, begin] of begins.entries())
      if (i > 0) expect(begin - begins[i - 1]!).toBeGreaterThanOrEqual(100);
  };
  fc.assert(fc.property(gaps, fc.integer({ min: 1, max: 4 }), holds));
});
