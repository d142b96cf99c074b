import fc from "fast-check";
import { expect, test } from "vitest";
import { minimise } from "../../src/embedding/minimise.ts";

/** Sum of curvature * (x - at)^2 / 2 + (x - at)^4 over the variables, and of their products with their neighbours. */
function bowl(at: readonly number[], curvature: readonly number[]) {
  return (x: Float64Array, gradient: Float64Array): number => {
    let value = 0;
    for (const [i, place] of at.entries()) {
      const d = x[i]! - place;
      value += (curvature[i]! * d * d) / 2 + d ** 4;
      gradient[i] = curvature[i]! * d + 4 * d ** 3;
    }
    return value;
  };
}

const places = fc.array(
  fc.record({
    at: fc.double({ min: -5, max: 5, noNaN: true }),
    curvature: fc.double({ min: 0.1, max: 100, noNaN: true }),
  }),
  { minLength: 1, maxLength: 8 },
);

test("the minimum of a convex function is found, with and without a guess of its curvature", () => {
  fc.assert(
    fc.property(places, fc.boolean(), (given, guessed) => {
      const at = given.map((one) => one.at);
      const curvature = given.map((one) => one.curvature);
      const inverseCurvature = Float64Array.from(curvature, (one) => 1 / one);
      const found = minimise(bowl(at, curvature), new Float64Array(at.length), {
        ...{ gradientMax: 1e-9, iterationsMax: 500 },
        ...(guessed ? { inverseCurvature } : {}),
      });
      expect(found.converged).toBe(true);
      for (const [i, place] of at.entries()) expect(found.x[i]).toBeCloseTo(place, 5);
    }),
  );
});

test("it stops when it was told to, and says that it is not there yet", () => {
  const found = minimise(bowl([3, -4], [1, 90]), new Float64Array(2), {
    gradientMax: 1e-12,
    iterationsMax: 2,
  });
  expect(found).toMatchObject({ iterations: 2, converged: false });
});

test("where it begins is left as it was", () => {
  const start = Float64Array.of(1, 2);
  minimise(bowl([3, -4], [1, 9]), start, { gradientMax: 1e-6, iterationsMax: 50 });
  expect([...start]).toEqual([1, 2]);
});
