import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../../src/kernel/random.ts";
import { shiftedPrior } from "../../src/resonance/prior-shift.ts";

test("the shares are those of METHODS 2.3, damped or not", () => {
  const posteriors = Float64Array.of(0.9, 0.1, 0.8, 0.2, 0.7, 0.3, 0.2, 0.8);
  for (const damping of [0.5, 1]) {
    const [first, second] = shiftedPrior([0.5, 0.5], posteriors, { damping });
    expect(first).toBeCloseTo(0.91141624, 6);
    expect(second).toBeCloseTo(0.08858376, 6);
  }
});

/** Posteriors of users drawn with some shares, told by somebody who believes in others. */
function told(
  train: readonly number[],
  shares: readonly number[],
  users: number,
  seed: number,
): Float64Array {
  const random = seededRandom(seed);
  const out = new Float64Array(users * shares.length);
  for (let u = 0; u < users; u++) {
    const at = random();
    const truth = shares.findIndex((_, k) => at < shares.slice(0, k + 1).reduce((sum, one) => sum + one, 0));
    // One of three signs is seen: the true class's in 60 % of cases.
    const sign = random() < 0.6 ? truth : Math.floor(random() * shares.length);
    const odds = train.map((share, k) => share * (k === sign ? 0.6 + 0.4 / 3 : 0.4 / 3));
    const sum = odds.reduce((all, one) => all + one, 0);
    out.set(
      odds.map((one) => one / sum),
      u * shares.length,
    );
  }
  return out;
}

test("shares that the posteriors were not told under are found again", () => {
  const shares = [0.1, 0.3, 0.6];
  const found = shiftedPrior([0.6, 0.3, 0.1], told([0.6, 0.3, 0.1], shares, 20_000, 5));
  for (const [k, share] of shares.entries()) expect(Math.abs(found[k]! - share)).toBeLessThan(0.02);
});

test("shares sum to 1, and none is below the floor", () => {
  const posterior = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 60 });
  fc.assert(
    fc.property(posterior, (values) => {
      const rows = Math.floor(values.length / 3);
      const found = shiftedPrior([0.2, 0.3, 0.5], Float64Array.from(values.slice(0, rows * 3)));
      expect(found.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
      for (const share of found) expect(share).toBeGreaterThan(1e-3 / 1.01);
    }),
  );
});

test("posteriors that tell nothing, of few users, leave the shares as they are", () => {
  const train = [0.7, 0.2, 0.1];
  expect(shiftedPrior(train, new Float64Array(0))).toEqual(train);
  const nothing = Float64Array.from({ length: 30 }, (_, i) => train[i % 3]!);
  const found = shiftedPrior(train, nothing, { pseudoUsers: 100 });
  for (const [k, share] of train.entries()) expect(found[k]).toBeCloseTo(share, 6);
});
