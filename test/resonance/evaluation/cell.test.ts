import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../../../src/kernel/random.ts";
import { cellOf } from "../../../src/resonance/evaluation/cell.ts";
import { pairedDifference, verdictOf } from "../../../src/resonance/evaluation/paired-difference.ts";
import { logLoss, macroAuc } from "../../../src/resonance/metrics.ts";

/** Distributions over three segments that lean towards the true one. */
function someScores(users: number, lean: number, seed: number) {
  const random = seededRandom(seed);
  const labels = Int16Array.from({ length: users }, () => Math.floor(random() * 3));
  const scores = new Float64Array(users * 3);
  for (let i = 0; i < users; i++) {
    const row = [0, 1, 2].map((k) => random() + (k === labels[i] ? lean : 0));
    const sum = row.reduce((all, one) => all + one, 0);
    for (const [k, value] of row.entries()) scores[i * 3 + k] = value / sum;
  }
  return { scores, labels };
}

const rowsOf = (scores: Float64Array) =>
  Array.from({ length: scores.length / 3 }, (_, i) => scores.slice(i * 3, i * 3 + 3));

test("the figures are those of the plain metrics, ties and all", () => {
  const anyCase = fc.record({
    users: fc.integer({ min: 5, max: 60 }),
    seed: fc.nat(),
    steps: fc.integer({ min: 2, max: 50 }),
  });
  fc.assert(
    fc.property(anyCase, ({ users, seed, steps }) => {
      const { scores, labels } = someScores(users, 0.3, seed);
      const coarse = scores.map((p) => (Math.round(p * steps) + 1) / (steps + 3));
      const cell = cellOf(coarse, labels, 3);
      const auc = macroAuc(rowsOf(coarse), [...labels], 3);
      if (Number.isNaN(auc))
        expect(cell.auc).toBeNaN(); // All of one segment.
      else expect(cell.auc).toBeCloseTo(auc, 10);
      expect(cell.logLoss).toBeCloseTo(logLoss(rowsOf(coarse), [...labels]), 10);
      for (const influence of [cell.aucInfluence, cell.lossInfluence])
        expect(influence.reduce((sum, one) => sum + one, 0)).toBeCloseTo(0, 8);
    }),
  );
});

test("DeLong by hand: three positives and two negatives", () => {
  // Scores of segment 1: positives .9 .6 .4, negatives .5 .2. Pairs won: 2 + 2 + 1 of 6.
  const positive = [0.9, 0.6, 0.4, 0.5, 0.2];
  const scores = Float64Array.from(positive.flatMap((p) => [1 - p, p]));
  const cell = cellOf(scores, Int16Array.of(1, 1, 1, 0, 0), 2);
  expect(cell.auc).toBeCloseTo(5 / 6, 12);
  // Shares won: 1, 1, 1/2 of the positives; 2/3, 1 of the negatives. Each times users by users of its side.
  const expected = [1, 1, 1 / 2].map((won) => (5 / 3) * (won - 5 / 6));
  expected.push(...[2 / 3, 1].map((won) => (5 / 2) * (won - 5 / 6)));
  for (const [i, influence] of expected.entries()) expect(cell.aucInfluence[i]).toBeCloseTo(influence, 12);
});

test("the standard error is about what drawing users again and again shows", () => {
  const users = 600;
  const ours = someScores(users, 0.5, 1);
  const theirs = ours.scores.map((p, i) => 0.5 * p + 0.5 * someScores(users, 0.1, 2).scores[i]!);
  const names = Array.from({ length: users }, (_, i) => `user-${i}`);
  const cells = (rows: readonly number[]) => {
    const labels = Int16Array.from(rows, (i) => ours.labels[i]!);
    const pick = (from: Float64Array) =>
      Float64Array.from(rows.flatMap((i) => [...from.subarray(i * 3, i * 3 + 3)]));
    return {
      ours: cellOf(pick(ours.scores), labels, 3),
      theirs: cellOf(pick(theirs), labels, 3),
      users: names,
    };
  };
  const random = seededRandom(3);
  const draws = Array.from({ length: 300 }, () =>
    cells(Array.from({ length: users }, () => Math.floor(random() * users))),
  );
  for (const metric of ["auc", "logLoss"] as const) {
    const { mean, standardError } = pairedDifference(metric, [cells([...names.keys()])]);
    const again = draws.map((draw) => pairedDifference(metric, [draw]).mean);
    const average = again.reduce((sum, one) => sum + one, 0) / again.length;
    const spread = Math.sqrt(again.reduce((sum, one) => sum + (one - average) ** 2, 0) / again.length);
    expect(standardError / spread).toBeGreaterThan(0.85);
    expect(standardError / spread).toBeLessThan(1.15);
    expect(mean).toBeGreaterThan(0); // Ours leans more, by both metrics.
  }
});

test("a user who is in several splits counts as one", () => {
  const { scores, labels } = someScores(200, 0.4, 4);
  const [ours, theirs] = [cellOf(scores, labels, 3), cellOf(someScores(200, 0.4, 5).scores, labels, 3)];
  const users = Array.from({ length: 200 }, (_, i) => `user-${i}`);
  const once = pairedDifference("logLoss", [{ ours, theirs, users }]);
  const twice = pairedDifference("logLoss", [
    { ours, theirs, users },
    { ours, theirs, users },
  ]);
  expect(twice.mean).toBeCloseTo(once.mean, 12);
  expect(twice.standardError).toBeCloseTo(once.standardError, 12);
});

test("better is more than two standard errors, worse is more than one, level is in between", () => {
  const verdict = (mean: number) => verdictOf({ mean, standardError: 1 });
  expect([2.1, 2, 0, -1, -1.1].map(verdict)).toEqual(["better", "level", "level", "level", "worse"]);
});
