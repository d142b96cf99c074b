import { expect, test } from "vitest";
import { bayesianPanel } from "../../src/experiments/bayesian-panel.ts";

test("the posterior of a lift of .1 with error .08, prior N(0, .3^2), as scipy integrates it", () => {
  const { lift, credible, chanceToWin, expectedLoss } = bayesianPanel(
    { value: 0.1, standardError: 0.08 },
    "increase",
  );
  expect(lift).toBeCloseTo(0.0933609958506, 10);
  expect(credible.lower).toBeCloseTo(-0.0581418587272, 10);
  expect(credible.upper).toBeCloseTo(0.244863850428, 10);
  expect(chanceToWin).toBeCloseTo(0.886436682405, 10);
  expect(expectedLoss).toBeCloseTo(0.00426778353889, 8);
});

test("where less is better, the chance to win is that of a decrease", () => {
  const estimate = { value: -0.1, standardError: 0.08 };
  const better = bayesianPanel(estimate, "decrease");
  expect(better.chanceToWin).toBeCloseTo(1 - bayesianPanel(estimate, "increase").chanceToWin, 12);
  expect(better.chanceToWin).toBeGreaterThan(0.5);
});

test("an estimate that says nothing leaves the prior", () => {
  const vague = bayesianPanel({ value: 5, standardError: 1e6 }, "increase");
  expect(vague.lift).toBeCloseTo(0, 9);
  expect(vague.chanceToWin).toBeCloseTo(0.5, 5);
});
