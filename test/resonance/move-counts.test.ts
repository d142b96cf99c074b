import fc from "fast-check";
import { expect, test } from "vitest";
import { addMoves, countMove, newMapMoves, totalVariation } from "../../src/resonance/move-counts.ts";

const segments = ["a", "b"];
const of = (...probabilities: readonly number[]) => ({ segments, probabilities });

test("the total variation is half of the summed differences", () => {
  expect(totalVariation(of(0.5, 0.5, 0), of(0.6, 0.4, 0))).toBeCloseTo(0.1, 12);
  expect(totalVariation(of(1, 0, 0), of(0, 0, 1))).toBe(1);
  expect(totalVariation(of(0.2, 0.3, 0.5), of(0.2, 0.3, 0.5))).toBe(0);
});

test("segments are compared by name, and one that is missing has no share", () => {
  const after = { segments: ["b", "c"], probabilities: [0.5, 0.5, 0] };
  expect(totalVariation(of(0.5, 0.5, 0), after)).toBeCloseTo(0.5, 12);
});

test("a user moves if the most probable outcome is another one; what resonates is counted beside that", () => {
  const moves = newMapMoves();
  const quiet = { ...of(0.6, 0.4, 0), resonating: new Set<string>() };
  expect(countMove(moves, quiet, { ...of(0.7, 0.3, 0), resonating: new Set<string>() })).toBe(false);
  expect(countMove(moves, quiet, { ...of(0.2, 0.3, 0.5), resonating: new Set<string>() })).toBe(true);
  expect(countMove(moves, quiet, { ...of(0.6, 0.4, 0), resonating: new Set(["a"]) })).toBe(false);
  expect(moves).toMatchObject({ users: 3, moved: 1, resonatingChanged: 1, matrix: { a: { a: 2, "": 1 } } });
});

test("counts of several shards add up to those of all", () => {
  const some = fc.array(fc.tuple(fc.float({ min: 0, max: 1, noNaN: true }), fc.boolean()));
  const count = (given: readonly (readonly [number, boolean])[]) => {
    const moves = newMapMoves();
    for (const [p, isIn] of given)
      countMove(
        moves,
        { ...of(0.5, 0.4, 0.1), resonating: new Set<string>() },
        { ...of(p, 1 - p, 0), resonating: new Set(isIn ? ["b"] : []) },
      );
    return moves;
  };
  fc.assert(
    fc.property(some, some, (a, b) => {
      const sum = count(a);
      addMoves(sum, count(b));
      const all = count([...a, ...b]);
      expect(sum.totalVariation).toBeCloseTo(all.totalVariation, 9);
      expect({ ...sum, totalVariation: 0 }).toEqual({ ...all, totalVariation: 0 });
    }),
  );
});
