import fc from "fast-check";
import { expect, test } from "vitest";
import { FEATURES } from "../../../src/features/all-families.ts";
import { sumOfWithheld, WithheldCounts } from "../../../src/privacy/consent/withheld-counts.ts";

const NAMES = FEATURES.families.map(({ name }) => name);
const someCounted = fc.array(
  fc.record({
    purpose: fc.constantFrom("location", "text", "own-purpose"),
    family: fc.option(fc.nat(NAMES.length - 1), { nil: undefined }),
    reason: fc.constantFrom("refused" as const, "not-given" as const),
    isTakenBack: fc.boolean(),
  }),
  { maxLength: 40 },
);
type Counted = typeof someCounted extends fc.Arbitrary<infer Given> ? Given : never;

function countIn(counts: WithheldCounts, counted: Counted): WithheldCounts {
  for (const { purpose, family, reason, isTakenBack } of counted) {
    if (isTakenBack) counts.takenBack(purpose);
    else if (family === undefined) counts.whole(purpose, reason);
    else counts.family(purpose, family, reason);
  }
  return counts;
}

function countedBy(counted: Counted) {
  const tally = (keys: string[]): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
    return counts;
  };
  const left = counted.filter(({ isTakenBack }) => !isTakenBack);
  const keyOf = ({ purpose, family, reason }: Counted[number]) =>
    `${purpose}.${family === undefined ? "all" : NAMES[family]}.${reason}`;
  return {
    withheld: tally(left.map(keyOf)),
    withdrawals: tally(counted.filter(({ isTakenBack }) => isTakenBack).map(({ purpose }) => purpose)),
  };
}

test("what is counted is told by purpose, family and reason, and nothing that did not happen", () => {
  const holds = (counted: Counted) => {
    expect(countIn(new WithheldCounts(), counted).figures()).toEqual(countedBy(counted));
  };
  fc.assert(fc.property(someCounted, holds));
});

test("counts go back to where they were when a batch is folded again", () => {
  const holds = (before: Counted, undone: Counted, after: Counted) => {
    const counts = countIn(new WithheldCounts(), before);
    const copy = counts.copy();
    countIn(counts, undone);
    expect(copy.figures()).toEqual(countedBy(before));
    counts.goBackTo(copy);
    countIn(counts, after);
    expect(counts.figures()).toEqual(countedBy([...before, ...after]));
    expect(copy.figures()).toEqual(countedBy(before));
  };
  fc.assert(fc.property(someCounted, someCounted, someCounted, holds));
});

test("sums over shards are the counts of all, also where an older node tells none", () => {
  const holds = (one: Counted, other: Counted) => {
    const [a, b] = [one, other].map((counted) => countIn(new WithheldCounts(), counted).figures());
    expect(sumOfWithheld([a, undefined, b])).toEqual(countedBy([...one, ...other]));
  };
  fc.assert(fc.property(someCounted, someCounted, holds));
});
