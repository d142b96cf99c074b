import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Arrival, arrivalOf } from "../../../src/features/arrival.ts";
import { type ArrivedMembers, ContextCounts } from "../../../src/resonance/cold-start/context-counts.ts";
import type { BackOffLevel } from "../../../src/resonance/cold-start/context-prior.ts";

const LEVELS: readonly BackOffLevel[] = [
  { field: "referrer", tau: 20 },
  { field: "device", tau: 20 },
];
const OF = { segments: 2, classes: 2 };

type Group = readonly [referrer: string, device: string, k: number, members: number];

function membersOf(groups: readonly Group[]): ArrivedMembers {
  const arrivals: Arrival[] = [];
  const classes: number[] = [];
  for (const [referrer, device, k, members] of groups)
    for (let i = 0; i < members; i++) {
      arrivals.push(arrivalOf({ referrer, device })!);
      classes.push(k);
    }
  return { arrivals, classes: Int16Array.from(classes) };
}

function told(counts: ContextCounts, context: Record<string, string>, without?: number): number[] {
  const out = new Float64Array(counts.classes);
  counts.probabilitiesInto(counts.cellOf(arrivalOf(context)!), out, without);
  return [...out];
}

describe("p(segment | context) backs off from the finest cell that is known", () => {
  const members = membersOf([
    ["a", "x", 0, 30],
    ["a", "y", 0, 10],
    ["a", "y", 1, 20],
    ["b", "x", 1, 39],
  ]);
  const counts = ContextCounts.of(members, OF, LEVELS);
  // One member more is credited to each segment.
  const prior = 41 / 101;

  test("by the formula of METHODS 2.3, tau = 20", () => {
    const ofReferrer = (40 + 20 * prior) / (60 + 20);
    expect(told(counts, { referrer: "a", device: "y" })[0]).toBeCloseTo(
      (10 + 20 * ofReferrer) / (30 + 20),
      12,
    );
    expect(told(counts, { referrer: "a", device: "x" })[0]).toBeCloseTo(
      (30 + 20 * ofReferrer) / (30 + 20),
      12,
    );
  });

  test("a device that nobody came with is told by the referrer alone, and an unknown referrer by the shares", () => {
    expect(told(counts, { referrer: "a", device: "z" })[0]).toBeCloseTo((40 + 20 * prior) / 80, 12);
    expect(told(counts, { referrer: "c", device: "x" })[0]).toBeCloseTo(prior, 12);
  });

  test("a member is told by the others", () => {
    const others = ContextCounts.of(
      membersOf([
        ["a", "x", 0, 30],
        ["a", "y", 0, 9],
        ["a", "y", 1, 20],
        ["b", "x", 1, 39],
      ]),
      OF,
      LEVELS,
    );
    const [own] = told(counts, { referrer: "a", device: "y" }, 0);
    const share = 41 / 101;
    const ofReferrer = (39 + 20 * share) / (59 + 20);
    expect(own).toBeCloseTo((9 + 20 * ofReferrer) / (29 + 20), 12);
    // All but the share of everybody, in which one member is not seen, is as if they had never come.
    expect(own).toBeCloseTo(told(others, { referrer: "a", device: "y" })[0]!, 2);
  });

  test("cells of fewer than ten members are not kept", () => {
    const few = ContextCounts.of(membersOf([["a", "x", 0, 9]]), OF, LEVELS);
    expect(few.size).toBe(0);
    expect(ContextCounts.of(membersOf([["a", "x", 0, 10]]), OF, LEVELS).size).toBe(2);
  });
});

const someMembers = fc
  .array(
    fc.tuple(
      fc.constantFrom("a", "b", "c"),
      fc.constantFrom("x", "y"),
      fc.integer({ min: 0, max: 1 }),
      fc.integer({ min: 1, max: 40 }),
    ),
    { maxLength: 8 },
  )
  .map(membersOf);
const someContext = fc.record({
  referrer: fc.constantFrom("a", "b", "c", "d"),
  device: fc.constantFrom("x", "y", "z"),
});

test("whoever the members are, it is a distribution without a zero", () => {
  fc.assert(
    fc.property(someMembers, someContext, fc.constantFrom(-1, 0, 1), (members, context, without) => {
      const shares = told(ContextCounts.of(members, OF, LEVELS), context, without);
      expect(shares.reduce((sum, p) => sum + p, 0)).toBeGreaterThan(0.5);
      for (const p of shares) expect(p).toBeGreaterThan(0);
      if (without < 0) expect(shares.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
    }),
  );
});

test("the order of the members does not matter, and what is stored gives the same bits", () => {
  fc.assert(
    fc.property(someMembers, someContext, (members, context) => {
      const counts = ContextCounts.of(members, OF, LEVELS);
      const reversed = {
        arrivals: members.arrivals.toReversed(),
        classes: members.classes.toReversed(),
      };
      expect(ContextCounts.of(reversed, OF, LEVELS).stored()).toEqual(counts.stored());
      const json = JSON.parse(JSON.stringify(counts.stored())) as ReturnType<ContextCounts["stored"]>;
      const again = ContextCounts.from(json, OF.segments, LEVELS);
      expect(told(again, context)).toEqual(told(counts, context));
    }),
  );
});
