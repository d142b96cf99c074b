import fc from "fast-check";
import { expect, test } from "vitest";
import { armMeans, relativeLift } from "../../src/experiments/arm-means.ts";
import { addUnit, emptySums, type Moments, momentsOf, moveUnit } from "../../src/experiments/arm-sums.ts";
import { gaussian, seededRandom } from "../../src/kernel/random.ts";
import { expectWithin } from "../kernel/relative.ts";

type Unit = Readonly<{ x?: number; y: number; d?: number }>;

function momentsFrom(units: readonly Unit[]): Moments {
  const sums = emptySums(1);
  for (const { x = 0, y, d = 1 } of units) {
    addUnit(sums, x);
    moveUnit(sums, 0, x, { y: 0, d: 0 }, { y, d });
  }
  return momentsOf(sums, 0);
}

/** An arm of which only the sums are known. */
function armOf(units: number, y: number, yy: number): Moments {
  return { units, nonzero: y, x: 0, xx: 0, y, yy, d: units, dd: units, yd: y, xy: 0, xd: 0 };
}

test("without a covariate it is the mean, with the variance of the mean", () => {
  const { arms, explained } = armMeans([momentsFrom([{ y: 2 }, { y: 2 }, { y: 4 }, { y: 5 }, { y: 7 }])]);
  expect(arms[0]).toEqual({ units: 5, nonzero: 5, raw: 4, mean: 4, variance: expect.closeTo(4.5 / 5, 12) });
  expect(explained).toBe(0);
});

test("CUPED with the numbers of METHODS 4.5: slope 1.3, variance 4.5 -> .275", () => {
  const y = [2, 2, 4, 5, 7];
  const { arms, explained } = armMeans([momentsFrom(y.map((one, i) => ({ x: i + 1, y: one })))]);
  // One arm: its mean of x is that of all, so the mean stays.
  expect(arms[0]?.mean).toBeCloseTo(4, 12);
  expect(arms[0]?.variance).toBeCloseTo(0.275 / 5, 12);
  expect(explained).toBeCloseTo(1 - 0.275 / 4.5, 12);
});

test("CUPED takes off what an arm's covariate has over the others'", () => {
  // y = 10 x + 0 or 1, equally often; the second arm has larger x by chance.
  const first = momentsFrom([1, 1, 2, 2].map((x, i) => ({ x, y: 10 * x + (i % 2) })));
  const second = momentsFrom([2, 2, 3, 3].map((x, i) => ({ x, y: 10 * x + (i % 2) })));
  const [a, b] = armMeans([first, second]).arms;
  expect(b!.raw - a!.raw).toBe(10);
  expect(b!.mean - a!.mean).toBeCloseTo(0, 9);
});

test("a covariate that explains half of the variance halves the variance of the mean", () => {
  const random = seededRandom(1);
  const units = Array.from({ length: 4_000 }, () => {
    const x = gaussian(random);
    return { x, y: 5 + x + gaussian(random) };
  });
  const raw = armMeans([momentsFrom(units.map(({ y }) => ({ y })))]).arms[0]!;
  const adjusted = armMeans([momentsFrom(units)]).arms[0]!;
  expect(adjusted.variance / raw.variance).toBeCloseTo(0.5, 1);
});

test("a ratio's variance is that of its deviations (delta method), as resampling finds it", () => {
  const random = seededRandom(2);
  const draw = (): Unit[] =>
    Array.from({ length: 400 }, () => {
      const d = 1 + Math.floor(random() * 8);
      const taste = 0.05 + random() * 0.2;
      let y = 0;
      for (let i = 0; i < d; i++) y += Number(random() < taste);
      return { y, d };
    });
  const runs = Array.from({ length: 400 }, () => armMeans([momentsFrom(draw())]).arms[0]!);
  const mean = runs.reduce((sum, { mean }) => sum + mean, 0) / runs.length;
  const seen = runs.reduce((sum, run) => sum + (run.mean - mean) ** 2, 0) / runs.length;
  const told = runs.reduce((sum, { variance }) => sum + variance, 0) / runs.length;
  expect(told / seen).toBeGreaterThan(0.85);
  expect(told / seen).toBeLessThan(1.15);
});

test("the relative lift and its error are those published with gbstats (METHODS 4.4)", () => {
  const { arms } = armMeans([armOf(3_000, 1_396.87, 52_377.9767), armOf(3_461, 2_422.7, 134_698.29)]);
  const lift = relativeLift(arms[0]!, arms[1]!)!;
  expectWithin(lift.value, 0.50336, 1e-5);
  const proportions = armMeans([armOf(3_000, 1_396, 1_396), armOf(3_461, 2_422, 2_422)]).arms;
  expectWithin(relativeLift(proportions[0]!, proportions[1]!)!.value, 0.50386, 1e-5);
});

test("an arm of fewer than two units, or with nothing to divide by, has no mean; control at 0 no lift", () => {
  expect(armMeans([momentsFrom([{ y: 1 }]), momentsFrom([])]).arms).toEqual([undefined, undefined]);
  expect(
    armMeans([
      momentsFrom([
        { y: 0, d: 0 },
        { y: 0, d: 0 },
      ]),
    ]).arms,
  ).toEqual([undefined]);
  const [none, some] = armMeans([momentsFrom([{ y: 0 }, { y: 0 }]), momentsFrom([{ y: 0 }, { y: 1 }])]).arms;
  expect(relativeLift(none!, some!)).toBeUndefined();
});

test("a covariate that is the same for all changes nothing", () => {
  const ys = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 2, maxLength: 30 });
  const holds = (a: number[], b: number[], x: number): void => {
    const plain = armMeans([a, b].map((arm) => momentsFrom(arm.map((y) => ({ y })))));
    const same = armMeans([a, b].map((arm) => momentsFrom(arm.map((y) => ({ x, y })))));
    for (const [i, arm] of plain.arms.entries()) {
      expect(same.arms[i]!.mean).toBeCloseTo(arm!.mean, 9);
      expect(same.arms[i]!.variance).toBeCloseTo(arm!.variance, 9);
    }
  };
  fc.assert(fc.property(ys, ys, fc.integer({ min: 0, max: 5 }), holds));
});
