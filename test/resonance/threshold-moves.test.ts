import fc from "fast-check";
import { expect, test } from "vitest";
import { leaveThreshold } from "../../src/resonance/hysteresis.ts";
import { GRID_SIZE, gridThreshold } from "../../src/resonance/precision-curve.ts";
import { addThresholdMoves, MoveCounter, NO_MOVES } from "../../src/resonance/threshold-moves.ts";
import { nextResonating } from "../../src/resonance/thresholds.ts";

const someUsers = fc.array(
  fc.record({
    probability: fc.oneof(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 0, max: 100 }).map((p) => p / 100),
    ),
    was: fc.boolean(),
    evidence: fc.constantFrom(0, 1, 5),
  }),
);
type Users = readonly Readonly<{ probability: number; was: boolean; evidence: number }>[];
const MIN_EVIDENCE = 2;

const counted = (users: Users) => {
  const counter = new MoveCounter();
  for (const { probability, was, evidence } of users) counter.add(probability, was, evidence >= MIN_EVIDENCE);
  return counter.moves();
};

test("at every threshold of the grid those move whom the threshold itself would move", () => {
  const holds = (users: Users) => {
    const { entering, leaving, resonating, users: all } = counted(users);
    expect(all).toBe(users.length);
    expect(resonating).toBe(users.filter(({ was }) => was).length);
    for (let i = 0; i < GRID_SIZE; i++) {
      const enter = Float64Array.of(gridThreshold(i));
      const leave = Float64Array.of(leaveThreshold(gridThreshold(i)));
      const thresholds = { enter, leave, minEvidence: Float64Array.of(MIN_EVIDENCE) };
      const moved = users.filter(
        ({ was, probability, evidence }) => nextResonating(was, probability, evidence, thresholds, 0) !== was,
      );
      expect(entering[i]).toBe(moved.filter(({ was }) => !was).length);
      expect(leaving[i]).toBe(moved.filter(({ was }) => was).length);
    }
  };
  fc.assert(fc.property(someUsers, holds), { numRuns: 50, seed: 1 });
});

test("counts of two shards add up to those of all their users", () => {
  const holds = (some: Users, more: Users) => {
    const added = addThresholdMoves(addThresholdMoves(NO_MOVES, counted(some)), counted(more));
    expect(added).toEqual(counted([...some, ...more]));
  };
  fc.assert(fc.property(someUsers, someUsers, holds), { numRuns: 50, seed: 2 });
});
